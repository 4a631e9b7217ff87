#pragma once
/// The loss that a network is trained with, and what belongs to it: the one place that tells images of one class from images
/// with any number of labels. Which they are the labels of a batch say themselves (engine::Batch): [B] int64, classes, or
/// [B, L] uint8, 1 for each label that the image has. What takes classes only refuses the latter by its type: LibTorch's
/// cross entropy, gather and one_hot do.
#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace afu::engine {

/// Whether images have any number of labels.
inline bool multi_label(const torch::Tensor& labels) { return labels.dim() == 2; }

/// Of logits [B, classes]: the mean cross entropy; of images with any number of labels the binary cross entropy of each
/// label's logit, mean over labels and images (torch.nn.BCEWithLogitsLoss, as MedMNIST's script trains ChestMNIST). 0-dim.
torch::Tensor task_loss(const torch::Tensor& logits, const torch::Tensor& labels);
/// Each image's, [B].
torch::Tensor task_losses(const torch::Tensor& logits, const torch::Tensor& labels);
/// Their sum, 0-dim.
torch::Tensor task_loss_sum(const torch::Tensor& logits, const torch::Tensor& labels);

/// Softmax [B, classes], or each label's own probability [B, L].
torch::Tensor probabilities(const torch::Tensor& logits, const torch::Tensor& labels);

/// Log softmax [B, classes], or, of images with any number of labels, of each label that the image has it and that it has
/// not, [B, L, 2]: a label is two classes with the logits z and 0.
torch::Tensor log_probabilities(const torch::Tensor& logits, bool sets);
/// log p of what each image is, [B, 1], or of what each of its labels is, [B, L].
torch::Tensor log_probabilities_of(const torch::Tensor& logits, const torch::Tensor& labels);

// What looks for patterns that evoke a label.

/// The rows that are not of the class, or have not the label.
torch::Tensor rows_without(const torch::Tensor& labels, std::int64_t label);
/// The loss of answering with the class, or with the label whatever the others are, mean over rows. 0-dim.
torch::Tensor loss_of_answering(const torch::Tensor& logits, std::int64_t label, bool sets);
/// Which rows are answered so, [B] bool.
torch::Tensor answered_with(const torch::Tensor& logits, std::int64_t label, bool sets);

/// Of each image what data::Images::labels holds: its class, or its set of labels (data/label_set.hpp). Waits for the device.
std::vector<std::int64_t> label_values(const torch::Tensor& labels);
/// Of logits [B, L] the sets of labels whose probability is above 1/2, likewise.
std::vector<std::int64_t> predicted_sets(const torch::Tensor& logits);

}  // namespace afu::engine
