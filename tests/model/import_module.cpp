#include "model/import_module.hpp"

#include <torch/csrc/jit/serialization/import.h>

#include <filesystem>
#include <fstream>

#include "model/archive.hpp"
#include "tests/model/support.hpp"

using namespace afu::model;
using namespace afu::model::test;

namespace fs = std::filesystem;

namespace {

/// A module that does `body` with x before it answers as user_module does.
void save_with(const std::string& body, const TemporaryFile& file) { user_module(body).save(file.path()); }

void refused(const TemporaryFile& file, const std::string& why) {
  CAPTURE(why);
  CHECK_THROWS_WITH_AS(import_module(file.path()), doctest::Contains(why.c_str()), std::runtime_error);
  CHECK_THROWS_WITH_AS(import_module(file.path()), doctest::Contains(file.path().c_str()),
                       std::runtime_error);
}

/// A module that saves a tensor to `target` when LibTorch loads it.
void save_trap(const std::string& target, const TemporaryFile& file) {
  torch::jit::Module m("Trap");
  m.register_attribute("training", c10::BoolType::get(), true);
  m.register_parameter("weight", torch::ones({3, 64}).set_requires_grad(true), false);
  m.define(R"(
def __getstate__(self) -> Tuple[Tensor, bool]:
    return (self.weight, self.training)
def __setstate__(self, state: Tuple[Tensor, bool]) -> None:
    self.weight = state[0]
    self.training = state[1]
    torch.save(state[0], ")" +
           target + R"(")
def forward(self, x: Tensor) -> Tensor:
    return torch.linear(torch.flatten(x, 1), self.weight)
)");
  m.save(file.path());
}

}  // namespace

TEST_CASE("a module is what LibTorch would load: code, values and what is saved again") {
  TemporaryFile file("import.pt"), again("import-again.pt");
  auto module = user_module();
  module.register_attribute("sizes", c10::ListType::ofInts(), c10::List<std::int64_t>{3, 1, 2});
  module.register_attribute("names", c10::DictType::create(c10::StringType::get(), c10::FloatType::get()),
                            [] {
                              c10::Dict<std::string, double> d;
                              d.insert("a", 0.5);
                              return d;
                            }());
  module.register_attribute("pair",
                            c10::TupleType::create({c10::IntType::get(), c10::OptionalType::ofTensor()}),
                            c10::ivalue::Tuple::create({c10::IValue(7), c10::IValue()}));
  module.save(file.path());
  auto ours = import_module(file.path()), theirs = torch::jit::load(file.path());
  const auto x = images(3, kUserShape);
  for (const bool training : {false, true}) {
    ours.train(training), theirs.train(training);
    CHECK(torch::equal(ours.forward({x}).toTensor(), theirs.forward({x}).toTensor()));
  }
  const auto same = [](const auto& a, const auto& b) {
    REQUIRE(a.size() == b.size());
    auto other = b.begin();
    for (const auto& p : a) {
      CHECK(p.name == (*other).name);
      CHECK(torch::equal(p.value, (*other).value));
      CHECK(p.value.requires_grad() == (*other).value.requires_grad());
      ++other;
    }
  };
  same(ours.named_parameters(), theirs.named_parameters());
  same(ours.named_buffers(), theirs.named_buffers());
  CHECK(ours.attr("sizes").toIntVector() == std::vector<std::int64_t>{3, 1, 2});
  CHECK(ours.attr("names").toGenericDict().at("a").toDouble() == 0.5);
  CHECK(ours.attr("pair").toTupleRef().elements()[1].isNone());
  ours.save(again.path());
  CHECK(torch::equal(torch::jit::load(again.path()).forward({x}).toTensor(), theirs.forward({x}).toTensor()));
}

TEST_CASE("code that a module would run when it is loaded is not run, and the module refused") {
  TemporaryFile file("trap.pt"), target("trap-was-here");
  save_trap(target.path(), file);
  torch::jit::load(file.path());
  REQUIRE(fs::exists(target.path()));  // so this is what happens otherwise
  fs::remove(target.path());
  refused(file, "__setstate__");
  const auto layout = std::make_shared<Layout>(Layout{{{"weight", {3, 64}, 0, 192}}, {}, 192, 0});
  CHECK_THROWS_WITH_AS(read_parameters(file.path(), layout), doctest::Contains("it has no 'weight'"),
                       std::runtime_error);
  CHECK_FALSE(fs::exists(target.path()));
}

TEST_CASE("operators that read or write files are refused by name before the module is called") {
  TemporaryFile file("files.pt"), target("files-target");
  save_with("    torch.save(x, \"" + target.path() + "\")\n", file);
  refused(file, "forward calls aten::save, which is not among the operators");
  save_with("    x = x + torch.from_file(\"" + target.path() + "\", False, 1)\n", file);
  refused(file, "aten::from_file");
  CHECK_FALSE(fs::exists(target.path()));

  auto module = user_module();  // in a method that forward does not call
  module.define("def other(self, x: Tensor):\n    torch.save(x, \"" + target.path() + "\")\n");
  module.save(file.path());
  refused(file, "other calls aten::save");
  save_with("    print(\"hello\")\n", file);
  refused(file, "prim::Print");
  save_with("    x = x + torch.empty([1])\n", file);  // what was there before
  refused(file, "aten::empty");
  save_with("    x = x + torch.rand_like(x)\n", file);
  refused(file, "aten::rand_like, which draws random numbers");
  // A warning is allowed; what a terminal would obey in it is not.
  save_with("    torch.warn(\"plain\")\n", file);
  CHECK_NOTHROW(import_module(file.path()));
  save_with("    torch.warn(\"\\033[2J\")\n", file);
  refused(file, "forward holds a text with control characters");
  module = user_module();
  module.register_attribute("title", c10::StringType::get(), std::string("\x1b[2J"));
  module.save(file.path());
  refused(file, "'title' is a text with control characters");
}

TEST_CASE("parameters are read from an archive whose code could not be run at all") {
  TemporaryFile file("params.pt"), target("params-target");
  save_with("    torch.save(x, \"" + target.path() + "\")\n", file);
  auto layout = std::make_shared<Layout>();
  layout->parameters = {{"kernel", {2, 1, 3, 3}, 0, 18},
                        {"scale", {2}, 18, 2},
                        {"shift", {2}, 20, 2},
                        {"head", {3, 128}, 22, 384}};
  layout->buffers = {{"mean", {2}, 0, 2}, {"var", {2}, 2, 2}};
  layout->parameter_count = 406, layout->buffer_count = 4;
  const auto p = read_parameters(file.path(), layout);
  CHECK(p->values[18].item<float>() == 1);
  CHECK(p->values[0].item<float>() == doctest::Approx(-0.3f));
  CHECK(torch::equal(p->buffers, torch::tensor({0.f, 0.f, 1.f, 1.f})));
  CHECK_FALSE(fs::exists(target.path()));

  const auto wrong = [&](const char* why) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(read_parameters(file.path(), layout), doctest::Contains(why), std::runtime_error);
  };
  auto module = user_module();
  module.register_parameter("more", torch::ones({2}).set_requires_grad(true), false);
  module.save(file.path());
  wrong("which has no 'more'");
  user_module().save(file.path());
  layout->parameters[1].shape = {3};
  wrong("'scale' is [2], wanted [3]");
  layout->parameters[1].shape = {2};
  module = user_module();
  module.to(torch::kFloat64);
  module.save(file.path());
  wrong("is of Double numbers, wanted Float");
}

TEST_CASE("damaged archives are refused by name, whatever byte is wrong") {
  TemporaryFile file("damaged.pt");
  user_module().save(file.path());
  std::ifstream in(file.path(), std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  const auto write = [&](const std::string& bytes) {
    std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << bytes;
  };
  int refusals = 0;
  for (std::size_t at = 0; at < good.size(); at += 97) {
    auto bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    write(bytes);
    try {
      import_module(file.path());  // padding and the debugging tables are not looked at
    } catch (const std::runtime_error& e) {
      ++refusals;
      CHECK(std::string(e.what()).find(file.path()) == 0);
    }
    write(good.substr(0, at));
    refused(file, "");
  }
  CHECK(refusals > 20);
  fs::remove(file.path());
  refused(file, "no such file");
  fs::create_directory(file.path());
  refused(file, "not a regular file");
}
