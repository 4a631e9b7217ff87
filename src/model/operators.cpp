#include "model/operators.hpp"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <optional>
#include <set>
#include <string_view>

namespace afu::model {
namespace {

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

// Of the namespace aten: tensors, numbers, texts, lists and dicts. A name stands for its in-place form
// ("relu_") too. Not here: what reads or writes files (from_file, save), draws random numbers (rand,
// bernoulli, ...), gives memory as it is found (empty, resize, set), changes the process (manual_seed, ...),
// makes texts with control characters (chr, percentFormat), or leaves the CPU's dense tensors (sparse,
// quantised).
// clang-format off
constexpr const char* tensor_operators[] = {
    "Bool", "Delete", "Float", "FloatImplicit", "Int", "IntImplicit", "ScalarImplicit", "Size", "__and__",
    "__contains__", "__derive_index", "__getitem__", "__iand__", "__interpolate", "__ior__", "__is__",
    "__isnot__", "__ixor__", "__lshift__", "__not__", "__or__", "__range_length",
    "__round_to_zero_floordiv", "__rshift__", "__upsample", "__upsample_bilinear", "__upsample_nearest",
    "__xor__", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "_cast_Float", "_cast_Int", "_cast_Long",
    "_convolution", "_convolution_mode", "_log_softmax", "_native_multi_head_attention",
    "_pack_padded_sequence", "_pad_circular", "_pad_enum", "_pad_packed_sequence", "_reshape_alias",
    "_scaled_dot_product_attention", "_set_item", "_shape_as_tensor", "_softmax", "_stack",
    "_thnn_fused_gru_cell", "_thnn_fused_lstm_cell", "_transformer_encoder_layer_fwd", "_trilinear",
    "_unique2", "_unsafe_view", "_unwrap_optional", "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa",
    "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d", "_weight_norm",
    "abs", "absolute", "acos", "acosh", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "add", "addbmm", "addcdiv",
    "addcmul", "addmm", "addmv", "addr", "adjoint", "affine_grid_generator", "alias", "all", "allclose",
    "alpha_dropout", "amax", "amin", "aminmax", "any", "append", "arange", "arccos", "arccosh", "arcsin",
    "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "as_strided",
    "as_tensor", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "baddbmm", "bartlett_window", "batch_norm", "bilinear", "bin",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "blackman_window", "block_diag",
    "bmm", "broadcast_tensors", "broadcast_to", "bucketize", "capitalize", "cartesian_prod", "cat", "cdist",
    "ceil", "celu", "center", "chain_matmul", "channel_shuffle", "cholesky", "cholesky_inverse",
    "cholesky_solve", "chunk", "clamp", "clamp_max", "clamp_min", "clear", "clip", "clone", "col2im",
    "column_stack", "complex", "concat", "concatenate", "conj", "constant_pad_nd", "contiguous", "conv1d",
    "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "convolution", "copy", "copysign", "cos", "cosh", "cosine_similarity", "count", "count_nonzero", "cpu",
    "cross", "cross_entropy_loss", "cummax", "cummin", "cumprod", "cumsum", "deg2rad", "degrees", "det",
    "detach", "diag", "diag_embed", "diagflat", "diagonal", "dict", "diff", "digamma", "dim", "dist", "div",
    "divide", "divmod", "dot", "dropout", "dsplit", "dstack", "einsum", "elu", "embedding", "embedding_bag",
    "endswith", "eq", "equal", "erf", "erfc", "erfinv", "exp", "exp2", "expand", "expand_as", "expandtabs",
    "expm1", "extend", "eye", "fabs", "factorial", "feature_alpha_dropout", "feature_dropout", "fill",
    "fill_diagonal", "find", "fix", "flatten", "flip", "fliplr", "flipud", "float_power", "floor",
    "floor_divide", "floordiv", "fmax", "fmin", "fmod", "format", "frac", "frexp", "frobenius_norm", "full",
    "full_like", "gamma", "gather", "gcd", "ge", "gelu", "get", "glu", "greater", "greater_equal",
    "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm", "gru", "gru_cell", "gt",
    "hamming_window", "hann_window", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "heaviside",
    "hex", "hinge_embedding_loss", "hsplit", "hstack", "huber_loss", "hypot", "im2col", "imag", "index",
    "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "index_select", "inner", "insert",
    "instance_norm", "inverse", "is_autocast_cpu_enabled", "is_autocast_enabled", "is_complex",
    "is_contiguous", "is_floating_point", "is_grad_enabled", "is_nonzero", "is_scripting", "isalnum",
    "isalpha", "isclose", "isdecimal", "isdigit", "isfinite", "isidentifier", "isin", "isinf", "islower",
    "isnan", "isneginf", "isnumeric", "isposinf", "isprintable", "isreal", "isspace", "istft", "istitle",
    "isupper", "item", "items", "join", "keys", "kl_div", "kron", "kthvalue", "l1_loss", "layer_norm",
    "ldexp", "le", "leaky_relu", "len", "lerp", "less", "less_equal", "lgamma", "lift", "lift_fresh",
    "linear", "linspace", "list", "ljust", "log", "log10", "log1p", "log2", "log_sigmoid", "log_softmax",
    "logaddexp", "logaddexp2", "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logit", "logspace", "logsumexp", "lower", "lstm", "lstm_cell", "lstrip", "lt", "mH",
    "mT", "masked_fill", "masked_scatter", "masked_select", "mathremainder", "matmul", "matrix_H",
    "matrix_exp", "matrix_power", "max", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices", "max_unpool2d", "max_unpool3d",
    "maximum", "mean", "median", "meshgrid", "min", "minimum", "mish", "mm", "mode", "modf", "moveaxis",
    "movedim", "mse_loss", "msort", "mul", "multiply", "mv", "nan_to_num", "nanmean", "nanmedian", "nansum",
    "narrow", "native_batch_norm", "native_dropout", "native_group_norm", "native_layer_norm",
    "native_norm", "ne", "neg", "negative", "new_full", "new_ones", "new_zeros", "nll_loss", "nonzero",
    "norm", "norm_except_dim", "not_equal", "nuclear_norm", "numel", "numpy_T", "oct", "one_hot", "ones",
    "ones_like", "ord", "outer", "pad", "pad_sequence", "pairwise_distance", "partition", "pdist",
    "permute", "pinverse", "pixel_shuffle", "pixel_unshuffle", "polar", "polygamma", "pop", "popitem",
    "positive", "pow", "prelu", "prod", "promote_types", "quantile", "rad2deg", "radians", "range", "ravel",
    "real", "reciprocal", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "relu", "relu6",
    "remainder", "remove", "renorm", "repeat", "repeat_interleave", "replace", "replication_pad1d",
    "replication_pad2d", "replication_pad3d", "requires_grad", "reshape", "reshape_as", "resolve_conj",
    "resolve_neg", "result_type", "reverse", "rfind", "rindex", "rjust", "rms_norm", "rnn_relu",
    "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell", "roll", "rot90", "round", "rpartition", "rrelu", "rsplit",
    "rsqrt", "rstrip", "rsub", "scalar_tensor", "scaled_dot_product_attention", "scatter", "scatter_add",
    "scatter_reduce", "searchsorted", "select", "select_scatter", "selu", "set_grad_enabled", "setdefault",
    "sgn", "sigmoid", "sign", "signbit", "silu", "sin", "sinc", "sinh", "size", "slice", "slice_scatter",
    "slogdet", "slow_conv3d", "slow_conv_transpose2d", "slow_conv_transpose3d", "smooth_l1_loss",
    "soft_margin_loss", "softmax", "softplus", "softshrink", "sort", "sorted", "split", "split_with_sizes",
    "splitlines", "sqrt", "square", "squeeze", "stack", "startswith", "std", "std_mean", "stft", "str",
    "stride", "strip", "sub", "subtract", "sum", "sum_to_size", "svd", "swapaxes", "swapcase", "swapdims",
    "sym_numel", "sym_size", "t", "take", "take_along_dim", "tan", "tanh", "tensor", "tensor_split",
    "tensordot", "thnn_conv2d", "threshold", "tile", "title", "to", "topk", "trace", "transpose",
    "trapezoid", "trapz", "triangular_solve", "tril", "tril_indices", "triu", "triu_indices", "true_divide",
    "trunc", "type_as", "unbind", "unflatten", "unfold", "unique_consecutive", "unsafe_chunk",
    "unsafe_split", "unsafe_split_with_sizes", "unsqueeze", "update", "upper", "upsample_bicubic2d",
    "upsample_bilinear2d", "upsample_linear1d", "upsample_nearest1d", "upsample_nearest2d",
    "upsample_nearest3d", "upsample_trilinear3d", "values", "vander", "var", "var_mean", "vdot", "view",
    "view_as", "view_as_complex", "view_as_real", "vsplit", "vstack", "warn", "where", "xlogy", "zero",
    "zeros", "zeros_like", "zfill"
};

// Of the namespace prim: the language's own.
constexpr const char* language_operators[] = {
    "CallFunction", "CallMethod", "Constant", "CreateObject", "DictConstruct", "Enter", "EnumName",
    "EnumValue", "Exit", "GetAttr", "If", "ImplicitTensorToNum", "ListConstruct", "ListUnpack", "Loop",
    "ModuleContainerIndex", "NumToTensor", "RaiseException", "SetAttr", "StringIndex", "TupleConstruct",
    "TupleIndex", "TupleSlice", "TupleUnpack", "Uninitialized", "abs", "data", "device", "dtype", "is_cpu",
    "is_cuda", "is_meta", "is_mkldnn", "is_mps", "is_nested", "is_quantized", "is_sparse", "isinstance",
    "layout", "max", "min", "rangelist", "requires_grad", "tolist", "type", "unchecked_cast",
    "unchecked_unwrap_optional"
};
// clang-format on

constexpr const char* families[] = {"linalg_", "fft_", "special_"};  // of aten: mathematics, all of them

/// Operators that draw random numbers, if at all, while their argument `train` is true and their probability
/// is not 0.
struct Drawing {
  const char* name;
  const char* probability;  ///< of what is dropped; null: none
  const char* train;        ///< null: they always train
};
constexpr Drawing drawing[] = {
    {"aten::dropout", "p", "train"},
    {"aten::feature_dropout", "p", "train"},
    {"aten::alpha_dropout", "p", "train"},
    {"aten::feature_alpha_dropout", "p", "train"},
    {"aten::native_dropout", "p", "train"},
    {"aten::rrelu", nullptr, "training"},
    {"aten::gru", "dropout", "train"},
    {"aten::lstm", "dropout", "train"},
    {"aten::rnn_tanh", "dropout", "train"},
    {"aten::rnn_relu", "dropout", "train"},
    {"aten::_scaled_dot_product_attention", "dropout_p", nullptr},
    {"aten::scaled_dot_product_attention", "dropout_p", nullptr},
};
constexpr const char* random_names[] = {"rand",      "randn",      "randint",     "randperm",
                                        "rand_like", "randn_like", "randint_like"};

template <class List>
bool holds(const List& list, std::string_view name) {
  return std::any_of(std::begin(list), std::end(list), [&](const char* known) { return name == known; });
}

/// "aten::relu_" -> "aten::relu"; "aten::__and__" stays.
std::string functional(std::string name) {
  if (name.size() > 1 && name.back() == '_' && name[name.size() - 2] != '_') name.pop_back();
  return name;
}

bool is_allowed(const std::string& kind) {
  constexpr std::string_view aten = "aten::", prim = "prim::";
  if (kind.compare(0, prim.size(), prim) == 0) return holds(language_operators, kind.substr(prim.size()));
  if (kind.compare(0, aten.size(), aten) != 0) return false;
  const auto name = functional(kind).substr(aten.size());
  return holds(tensor_operators, name) ||
         std::any_of(std::begin(families), std::end(families),
                     [&](const char* family) { return name.rfind(family, 0) == 0; });
}

bool always_draws(const Node& node) {
  const std::string kind = node.kind().toQualString();
  if (node.isNondeterministic() || (kind.rfind("aten::", 0) == 0 && holds(random_names, kind.substr(6))))
    return true;
  const auto* schema = node.maybeSchema();
  return schema && std::any_of(schema->arguments().begin(), schema->arguments().end(), [](const auto& a) {
           return a.type()->str().find("Generator") != std::string::npos;
         });
}

/// Visits every node, also of graphs within nodes.
void each(const Block& block, const std::function<void(const Node&)>& visit) {
  for (const auto* node : block.nodes()) {
    visit(*node);
    for (const auto* inner : node->blocks()) each(*inner, visit);
    for (const auto name : node->attributeNames())
      if (node->kindOf(name) == torch::jit::AttributeKind::g) each(*node->g(name)->block(), visit);
  }
}

/// A constant with characters that a terminal would obey: modules may warn, and their exceptions are told.
bool is_text_to_obey(const Node& node) {
  if (node.kind() != torch::jit::prim::Constant) return false;
  const auto value = torch::jit::toIValue(node.output());
  return value && value->isString() && !is_plain_text(value->toStringRef());
}

const Value* argument(const Node& node, const char* name) {
  const auto* schema = node.maybeSchema();
  if (name == nullptr || schema == nullptr) return nullptr;
  const auto index = schema->argumentIndexWithName(name);
  return index && static_cast<std::size_t>(*index) < node.inputs().size()
             ? node.inputs()[static_cast<std::size_t>(*index)]
             : nullptr;
}

constexpr std::string_view counter = "num_batches_tracked";  // of BatchNorm

/// What the value holds where it is an attribute of the module, or of one below it, that stays as it is: a
/// module that sets one is refused (keeps_state), but for BatchNorm's counter, and `training` is the
/// program's to set. `self`: the graph's input of that name, of `module`; null: there is none.
std::optional<c10::IValue> attribute(const Value* value, const Value* self,
                                     const torch::jit::Module& module) {
  if (self != nullptr && value == self) return c10::IValue(module._ivalue());
  const auto* node = value->node();
  if (node->kind() != torch::jit::prim::GetAttr) return std::nullopt;
  const auto& name = node->s(torch::jit::attr::name);
  if (name == "training" || name == counter) return std::nullopt;
  const auto object = attribute(node->inputs().at(0), self, module);
  if (!object || !object->isModule()) return std::nullopt;
  const auto held = object->toModule();
  return held.hasattr(name) ? std::optional<c10::IValue>(held.attr(name)) : std::nullopt;
}

/// What is known of a graph's values before it runs.
struct Known {
  const Value* self;
  const torch::jit::Module& module;
};

/// Whether `is` holds for the value whichever way the program takes, as far as that can be told.
bool always(const Value* value, const Known& known, const std::function<bool(const c10::IValue&)>& is) {
  const auto* node = value->node();
  if (const auto held = attribute(value, known.self, known.module)) return is(*held);
  if (const auto constant = torch::jit::toIValue(value)) return is(*constant);
  if (node->kind() == torch::jit::prim::Uninitialized) return true;  // beside an exception: nobody sees it
  if (node->kind() == torch::jit::prim::unchecked_cast) return always(node->inputs().at(0), known, is);
  if (node->kind() != torch::jit::prim::If) return false;
  return std::all_of(node->blocks().begin(), node->blocks().end(), [&](const Block* branch) {
    return always(branch->outputs().at(value->offset()), known, is);
  });
}

bool is_false(const c10::IValue& v) { return v.isBool() && !v.toBool(); }
bool is_zero(const c10::IValue& v) {
  return (v.isDouble() && v.toDouble() == 0) || (v.isInt() && v.toInt() == 0);
}
bool is_one(const c10::IValue& v) { return v.isInt() && v.toInt() == 1; }

/// Whether the node may draw random numbers in training.
bool draws(const Node& node, const Known& known) {
  const auto kind = functional(node.kind().toQualString());
  const auto* found =
      std::find_if(std::begin(drawing), std::end(drawing), [&](const Drawing& d) { return kind == d.name; });
  if (found == std::end(drawing)) return always_draws(node);
  const auto* train = argument(node, found->train);
  const auto* probability = argument(node, found->probability);
  const auto* layers = argument(node, "num_layers");  // of a recurrent network: dropped is between them
  return !((train && always(train, known, is_false)) ||
           (probability && always(probability, known, is_zero)) || (layers && always(layers, known, is_one)));
}

/// Whether the node changes an attribute of the module itself, not of an object that it makes and drops.
bool keeps_state(const Node& node) {
  if (node.kind() != torch::jit::prim::SetAttr) return false;
  const auto* object = node.inputs().at(0);
  while (object->node()->kind() == torch::jit::prim::GetAttr) object = object->node()->inputs().at(0);
  return object->node()->kind() != torch::jit::prim::CreateObject;
}

/// Whether the node reads BatchNorm's counter of batches for more than counting on.
bool reads_counter(const Node& node) {
  if (node.kind() != torch::jit::prim::GetAttr || node.s(torch::jit::attr::name) != counter) return false;
  const auto& uses = node.output()->uses();
  return std::any_of(uses.begin(), uses.end(), [](const auto& use) {
    const std::string kind = use.user->kind().toQualString();
    return functional(kind) != "aten::add" && kind != "prim::SetAttr" && kind != "aten::__is__" &&
           kind != "aten::__isnot__";
  });
}

std::string complaint(const Node& node, const Known& known) {
  const std::string kind = node.kind().toQualString();
  if (draws(node, known))
    return kind +
           " draws random numbers in training, from torch's global generator: parallel lanes share it and "
           "the run would not be reproducible. Export the module without it";
  if (keeps_state(node) && node.s(torch::jit::attr::name) != counter)
    return "forward keeps '" + node.s(torch::jit::attr::name) +
           "' from call to call: every lane has a copy of the module, and the run would depend on their "
           "number";
  if (reads_counter(node))
    return "a BatchNorm without momentum averages over all batches so far: how many those are has no place "
           "in a version. Give it a momentum";
  return {};
}

}  // namespace

bool is_plain_text(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool of_two_bytes =
        c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || of_two_bytes) return false;
  }
  return true;
}

std::string forbidden(const torch::jit::CompilationUnit& unit) {
  std::string why;
  for (auto* function : unit.get_functions()) {
    auto* with_graph = torch::jit::tryToGraphFunction(*function);
    if (with_graph == nullptr) return "it holds a function that is not TorchScript";
    each(*with_graph->graph()->block(), [&](const Node& node) {
      const std::string kind = node.kind().toQualString();
      if (!why.empty()) return;
      if (is_text_to_obey(node)) why = function->name() + " holds a text with control characters";
      if (!why.empty() || is_allowed(kind)) return;
      why = fmt::format("{} calls {}, which {}", function->name(), kind,
                        always_draws(node) ? "draws random numbers: the run would not be reproducible"
                                           : "is not among the operators that a module may use");
    });
    if (!why.empty()) return why;
  }
  return why;
}

std::string not_reproducible(const torch::jit::Module& module) {
  std::string why;
  std::set<std::string> seen;  // methods that were called by name: of a submodule known by its interface only
  const std::function<void(const torch::jit::Function&)> look = [&](const torch::jit::Function& function) {
    auto graph = torch::jit::toGraphFunction(function).graph()->copy();
    torch::jit::Inline(*graph);
    std::set<std::string> called;
    const bool own = !graph->inputs().empty() && *graph->inputs().at(0)->type() == *module.type();
    const Known known{own ? graph->inputs().at(0) : nullptr, module};
    each(*graph->block(), [&](const Node& node) {
      if (why.empty()) why = complaint(node, known);
      if (node.kind() == torch::jit::prim::CallMethod) called.insert(node.s(torch::jit::attr::name));
    });
    for (const auto& name : called)
      if (why.empty() && seen.insert(name).second)
        for (const auto& other : module._ivalue()->compilation_unit()->get_functions())
          if (other->name() == name) look(*other);
  };
  look(module.get_method("forward").function());
  return why;
}

}  // namespace afu::model
