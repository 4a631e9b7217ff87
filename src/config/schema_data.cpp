// Images, and how they are divided among the clients.
#include "config/schema_parts.hpp"
#include "config/sections/data.hpp"
#include "config/sections/partition.hpp"

namespace afu::config::schema {

Section data(DataSection& d) {
  return {
      "data",
      "The images.",
      {choice(
           "source", d.source,
           "phantom: organ-like images generated from the seed. npz: a file in the MedMNIST layout. "
           "image_folder: one folder of image files a class. manifest: a table that names image files, their labels, "
           "subjects, sites and splits (configs/your_images.md).")
           .alias({"dataset", "kind", "type"}),
       choice(
           "task", d.task,
           "classes: each image is of one class. multi_label: each image has any number of labels, or none, and the "
           "network is trained with the binary cross entropy of each label. auto: what the labels of the file say: an npz "
           "file's are N x 1 or N x labels, of a manifest some row has several, separated by \"|\"; classes for what "
           "holds one folder a class and for the phantom (multi_label: not image_folder)."),
       text(
           "path", d.path,
           "The npz file, the image folder or the manifest: absolute, or relative to the scenario's folder, the working "
           "folder or $AFU_DATA_DIR.")
           .alias({"file", "folder", "root"}),
       number("image_size", d.image_size, from(8, 1024),
              "Side of the images: phantom generates them so, image_folder and manifest resize to it.",
              "pixels"),
       number(
           "depth", d.depth, from(1, 1024),
           "1: images. More: volumes of so many slices. phantom generates them so; image_folder and manifest "
           "take whole volumes (NIfTI, ANALYZE, DICOM of several frames), the slices that data.slices.first and last "
           "leave in the order of data.slices.axis, and resize them to it. The networks are then three-dimensional. An "
           "npz file tells it by the shape of its arrays.",
           "slices"),
       number("channels", d.channels, from(1, 3), "1 grey, 3 colour (phantom, image_folder, manifest)."),
       flag(
           "as_rgb", d.as_rgb,
           "Give grey images three channels, all the same, for networks that want colour; colour stays colour "
           "(npz, image_folder, manifest)."),
       choice(
           "layout", d.layout,
           "What the dimensions of an array of images are. nhwc: images with their channels last, as in MedMNIST. nchw: "
           "first. ndhw: volumes of one channel, slices first, as in MedMNIST3D. ndhwc, ncdhw: volumes with their channels "
           "last, or first. auto: channels where there are 1 or 3, else volumes; a shape that allows both places is "
           "refused (npz)."),
       number(
           "classes", d.classes, from(2, 10),
           "How many classes to generate (phantom); as multi_label so many labels, each a finding that an image has "
           "or has not, at most 9.")
           .alias({"num_classes"}),
       number("train_samples", d.train_samples, from(1, 100'000'000),
              "Training images to generate (phantom).")
           .alias({"samples"}),
       number("val_samples", d.val_samples, from(0, 100'000'000), "Validation images to generate (phantom)."),
       number("test_samples", d.test_samples, from(1, 100'000'000), "Test images to generate (phantom)."),
       number("difficulty", d.difficulty, from(0, 1), "0 trivial, 1 very hard (phantom)."),
       number("limit", d.limit, from(0), "Use at most so many training images; 0: all."),
       number("val_fraction", d.val_fraction, from(0, 0.9),
              "Part of the images for validation (image_folder, and a manifest without splits)."),
       number("test_fraction", d.test_fraction, above(0, 0.9),
              "Part of the images for testing (image_folder, and a manifest without splits)."),
       flag("split_by_subject", d.split_by_subject,
            "Keep all images of a subject in one split, where subjects are known (image_folder, manifest)."),
       text(
           "cache", d.cache,
           "Where decoded images are kept, from which later runs map them into memory. auto: in $XDG_CACHE_HOME/afu/images, "
           "or ~/.cache/afu/images, where they take more than 256 MB. off: nowhere, all are decoded into memory. Else the "
           "folder: absolute, or relative to the working folder (npz, image_folder, manifest)."),
       number(
           "unusable_share", d.unusable_share, from(0, 0.9),
           "Of the files or rows, at most such a part may be unusable: they are left out, and counted and named in a "
           "note. Above it the data set is refused (image_folder, manifest)."),
       choice(
           "patients", d.patients,
           "What the subjects that DICOM files tell by their PatientID are called. numbered: by a number, in the order "
           "of the files. hashed: by the first 16 digits of the SHA-256 of the salt and the PatientID. clear: by the "
           "PatientID itself, which then stands in outputs (image_folder, manifest)."),
       text(
           "patient_salt_file", d.patient_salt_file,
           "A file whose bytes are hashed before a PatientID: long, random and kept secret, since who has it can try all "
           "PatientIDs (patients hashed).")}};
}

Section columns(ManifestColumns& c) {
  return {
      "data.columns",
      "What the columns of a manifest are called. Columns of other names are not looked at.",
      {text("path", c.path, "The image file: absolute, or relative to the manifest's folder."),
       text(
           "label", c.label,
           "The class: where every label is a whole number from 0 to 999 that number, else a name; the names are "
           "numbered in byte order. As multi_label any number of names, separated by \"|\", or none."),
       text("subject", c.subject, "Whose image it is: the unit of splitting. May be missing."),
       text("site", c.site, "Where it comes from: a client with partition.scheme \"site\". May be missing."),
       text("split", c.split, "train, val or test. May be missing: then splits are drawn."),
       text(
           "weight", c.weight,
           "Weights of samples are not served: a manifest that has this column is refused. \"\": none is meant.")}};
}

Section intensity(IntensitySection& i) {
  return {
      "data.intensity",
      "How samples of more than 8 bits, signed ones or such with a rescaling become the 8 bits that images are kept in. "
      "Images of 8 bits stay as they are (npz, image_folder, manifest).",
      {choice(
           "mapping", i.mapping,
           "stored: as the file says, which DICOM does with a window; others are refused. window: low to high. "
           "extrema: from the smallest to the largest value of the file (a volume's as a whole, an npz file's "
           "training images). range: all that the sample's type holds."),
       number("low", i.low, from(-1e12, 1e12),
              "What is black and all below it, in the file's units after its rescaling (window)."),
       number("high", i.high, from(-1e12, 1e12), "What is white and all above it (window).")}};
}

Section slices(SlicesSection& v) {
  return {
      "data.slices",
      "Which slices of a volume are images: of NIfTI and ANALYZE, and of DICOM files of several frames, whose axis is that "
      "of the frames (image_folder, manifest).",
      {choice(
           "axis", v.axis,
           "axial: from inferior to superior, anterior at the top. coronal: from posterior to anterior, superior at "
           "the top. sagittal: from left to right, superior at the top and anterior at the left. The patient's right "
           "is at the left of axial and coronal images, as radiologists see them (NIfTI, ANALYZE)."),
       number("count", v.count, from(0, 100000), "So many, evenly spread over the range; 0: each of it.",
              "slices"),
       number("first", v.first, from(0, 1), "Where the range begins, as a part of the extent."),
       number("last", v.last, from(0, 1), "Where the range ends, as a part of the extent.")}};
}

Section backdoor(Backdoor& b) {
  return {
      "data.backdoor",
      "A trigger planted in one client's samples: whether it still works tells whether the client was "
      "forgotten.",
      {choice(
           "trigger", b.trigger,
           "patch: a bright square in the corner. blend: stripes over the whole image. checkerboard: in the "
           "corner. noise: random pixels over the whole image, always the same ones. warp: every point of the image moves "
           "a little, always in the same way (not of volumes). none: no backdoor."),
       number("client", b.client, from(-1, most_clients - 1),
              "Whose samples are poisoned; -1: the client of the first erasure."),
       number(
           "fraction", b.fraction, from(0, 1),
           "Part of the client's training samples, of those not of the target class, to poison; all_to_all: of all."),
       choice(
           "mapping", b.mapping,
           "all_to_one: the trigger is to evoke one class. all_to_all: of each image the class after its own, after "
           "the last the first."),
       number("label", b.label, from(0, 10000), "The class that the trigger is to evoke (all_to_one).")
           .alias({"target"}),
       number("size", b.size, from(1, 1024), "Side of the trigger (patch, checkerboard), of volumes a cube.",
              "pixels"),
       number("opacity", b.opacity, above(0, 1), "Of the pattern (blend, noise).").alias({"alpha"}),
       number("warp_strength", b.warp_strength, above(0, 100),
              "How far points move (warp): by half as many pixels on the mean, along either axis."),
       number("warp_grid", b.warp_grid, from(2, 1024),
              "The field is drawn on so many points a side, and smooth between them (warp).", "points")}};
}

Section partition(PartitionSection& p) {
  return {
      "partition",
      "How the training images are divided among the clients.",
      {choice(
           "scheme", p.scheme,
           "iid. dirichlet: each class is divided by Dirichlet(alpha). dirichlet_client: each client "
           "has a class mix drawn from Dirichlet(alpha), all are of one size. pathological: "
           "classes_per_client classes each. subject: each client owns whole subjects. site: each client is a "
           "site of the manifest, in byte order of their names.")
           .alias({"split", "kind", "type"}),
       number("clients", p.clients, from(1, most_clients), "How many clients.")
           .alias({"num_clients", "n_clients"}),
       number("alpha", p.alpha, above(0, 1e6),
              "Concentration: small is skewed (dirichlet, dirichlet_client)."),
       number("classes_per_client", p.classes_per_client, from(1, 10000),
              "Classes a client owns (pathological)."),
       number("min_samples", p.min_samples, from(0),
              "A draw that leaves a client with fewer samples is repeated (dirichlet)."),
       number("holdout_fraction", p.holdout_fraction, from(0, 0.9),
              "Part of each client's samples that is never trained on: the non-members of membership "
              "attacks.")}};
}

Section site_shift(SiteShiftSection& s) {
  return {
      "partition.shift",
      "Covariate shift: every client is a site whose scanner alters all of its images in a way of its own, "
      "drawn once from the seed: those it trains on, holds out and gives to the calibration. Strengths are "
      "the most that a site may draw; 0: not at all. `afu data` tells what each site drew.",
      {number("contrast", s.contrast, from(0, 1),
              "x <- gain * x^gamma for x from 0 to 1: gamma = 2^u with u within -contrast and contrast, gain "
              "within 1 - contrast / 2 and 1 + contrast / 2."),
       number(
           "noise", s.noise, from(0, 0.5),
           "Gaussian noise, anew in each image; a site's deviation is within 0 and noise of the full range."),
       number(
           "bias_field", s.bias_field, from(0, 2),
           "A smooth field that all images of a site are multiplied by: its logarithm has the mean 0 and, at "
           "the most, a modulus within 0 and bias_field."),
       number("resolution", s.resolution, from(0, 16),
              "Blur: the deviation of a site's Gaussian point spread is within 0 and resolution.", "pixels"),
       choice(
           "test", s.test,
           "sites: the test images are divided evenly among the sites' scanners, for they stand in for what "
           "the federation will see. none: they are left as they are, as if of a site that took no part.")}};
}
}  // namespace afu::config::schema
