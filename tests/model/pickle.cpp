#include "model/pickle.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace afu::model;
using Kind = Pickled::Kind;

namespace {

std::string byte(int b) { return std::string(1, static_cast<char>(b)); }
std::string text(const std::string& s) { return byte(0x8c) + byte(static_cast<int>(s.size())) + s; }
std::string integer(int n) { return byte('K') + byte(n); }
std::string name(const std::string& module, const std::string& leaf) {
  return "c" + module + "\n" + leaf + "\n";
}

/// torch.FloatStorage "0" of `length` elements.
std::string storage(int length) {
  return "(" + text("storage") + name("torch", "FloatStorage") + text("0") + text("cpu") + integer(length) +
         "tQ";
}
/// A 2 x 3 tensor on it.
std::string tensor(int length, int offset, int row, int column) {
  return name("torch._utils", "_rebuild_tensor_v2") + "(" + storage(length) + integer(offset) + integer(2) +
         integer(3) + byte(0x86) + integer(row) + integer(column) + byte(0x86) + byte(0x88) +
         name("collections", "OrderedDict") + ")RtR";
}
std::string whole(const std::string& body) { return byte(0x80) + byte(2) + body + "."; }

void refused(const std::string& body, const char* why) {
  CAPTURE(why);
  CHECK_THROWS_WITH_AS(read_pickle(whole(body)), doctest::Contains(why), std::runtime_error);
}

}  // namespace

TEST_CASE("a module's pickle is read as objects, values and tensors without a name of them called") {
  const auto p = read_pickle(
      whole(name("__torch__", "Net") + ")" + byte(0x81) + "}(" + text("w") + tensor(10, 1, 3, 1) +
            text("sizes") + name("torch.jit._pickle", "build_intlist") + "](" + integer(7) + byte(0x8a) +
            byte(1) + byte(0xfe) + "e" + byte(0x85) + "R" + text("training") + byte(0x89) + "ub"));
  REQUIRE(p.root->kind == Kind::object);
  CHECK(p.root->text == "__torch__.Net");
  const auto& state = p.root->items.at(0)->items;
  REQUIRE(state.size() == 6);
  CHECK(state[0]->text == "w");
  const auto& t = state[1]->tensor;
  CHECK(t.dtype == "Float");
  CHECK(t.key == "0");
  CHECK(t.length == 10);
  CHECK(t.offset == 1);
  CHECK(t.shape == std::vector<std::int64_t>{2, 3});
  CHECK(t.strides == std::vector<std::int64_t>{3, 1});
  CHECK(t.requires_grad);
  REQUIRE(state[3]->kind == Kind::list);
  CHECK(state[3]->items.at(0)->integer == 7);
  CHECK(state[3]->items.at(1)->integer == -2);
  CHECK(state[5]->kind == Kind::boolean);
}

TEST_CASE("a pickle may not name functions of Python") {
  refused(name("os", "system") + text("true") + byte(0x85) + "R", "refers to 'os.system'");
  refused(name("builtins", "eval") + text("1") + byte(0x85) + "R", "'builtins.eval'");
  refused(name("torch.jit", "load") + ")R", "'torch.jit.load'");
  refused(name("collections", "OrderedDict") + ")" + byte(0x81), "no class of the archive");
  refused(name("__torch__", "Net") + ")R",
          "arguments that it does not take");  // an object is made, not called
  refused("V1\n", "operation 0x56");           // a text in another encoding
}

TEST_CASE("a tensor may not reach beyond its storage") {
  CHECK_NOTHROW(read_pickle(whole(tensor(6, 0, 3, 1))));
  CHECK_NOTHROW(read_pickle(whole(tensor(6, 0, 1, 2))));  // the last element is 1 + 2 * 2
  refused(tensor(5, 0, 3, 1), "beyond its storage");
  refused(tensor(6, 1, 3, 1), "beyond its storage");
  refused(tensor(6, 0, 3, 2), "beyond its storage");
  refused(tensor(6, 7, 0, 0), "begins outside its storage");
  CHECK_NOTHROW(read_pickle(whole(tensor(6, 5, 0, 0))));
}

TEST_CASE("damaged pickles are refused at a byte, whatever they are cut to") {
  const auto good =
      whole(name("__torch__", "Net") + ")" + byte(0x81) + "}(" + text("w") + tensor(10, 1, 3, 1) + "ub");
  CHECK_NOTHROW(read_pickle(good));
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_THROWS_WITH_AS(read_pickle(good.substr(0, n)), doctest::Contains("byte "), std::runtime_error);
  refused("N0", "operation 0x30");
  refused("", "takes a value where there is none");
  refused("NN", "values are left over");
  refused("}(" + text("k") + "u", "a key has no value");
  refused("Nb", "needs a value where there is none");
  refused("h" + byte(9), "was not kept");
  refused("Nr" + byte(255) + byte(255) + byte(255) + byte(127), "out of range");
  refused("X" + byte(255) + byte(255) + byte(255) + byte(255), "longer than the file");
}

TEST_CASE("values nested without end, and lists within themselves, cost no stack") {
  std::string deep = ")";
  for (int i = 0; i < 500'000; ++i) deep += byte(0x85);
  CHECK(read_pickle(whole(deep)).root->kind == Kind::tuple);
  const auto ring = read_pickle(whole("]q" + byte(0) + "h" + byte(0) + "a"));
  CHECK(ring.root->items.at(0) == ring.root);
  for (int i = 0; i < 600'000; ++i) deep += byte(0x85);
  refused(deep, "more than 1000000 values");
}
