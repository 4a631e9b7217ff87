#include "data/partition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/sections/partition.hpp"
#include "tests/data/support.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using data::Indices;

namespace {

using Numbers = std::vector<std::int64_t>;

/// n labels, classes evenly mixed.
Numbers cyclic_labels(std::int64_t n, std::int64_t classes) {
  Numbers labels;
  for (std::int64_t i = 0; i < n; ++i) labels.push_back(i % classes);
  return labels;
}
/// Subjects of `size` rows each; a subject's rows have one label.
Numbers subjects_of_size(std::int64_t n, std::int64_t size) {
  Numbers subjects;
  for (std::int64_t i = 0; i < n; ++i) subjects.push_back(500 + i / size);
  return subjects;
}
Numbers labels_by_subject(const Numbers& subjects, std::int64_t classes) {
  Numbers labels;
  for (auto s : subjects) labels.push_back(s % classes);
  return labels;
}

config::PartitionSection section(const std::string& scheme, std::int64_t clients) {
  config::PartitionSection s;
  s.scheme = config::named<config::PartitionScheme>(scheme, "scheme");
  s.clients = clients;
  return s;
}

void check_cover(const std::vector<Indices>& clients, std::size_t n) {
  std::vector<int> seen(n, 0);
  for (const auto& c : clients) {
    CHECK(std::is_sorted(c.begin(), c.end()));
    for (auto r : c) ++seen.at(static_cast<std::size_t>(r));
  }
  CHECK(seen == std::vector<int>(n, 1));
}

std::set<std::int64_t> values(const Indices& rows, const Numbers& of) {
  std::set<std::int64_t> out;
  for (auto r : rows) out.insert(of[static_cast<std::size_t>(r)]);
  return out;
}

/// Mean over clients of the share of the client's commonest class.
double skew(const std::vector<Indices>& clients, const Numbers& labels) {
  double sum = 0;
  for (const auto& c : clients) {
    std::map<std::int64_t, double> counts;
    for (auto r : c) ++counts[labels[static_cast<std::size_t>(r)]];
    double top = 0;
    for (const auto& e : counts) top = std::max(top, e.second);
    sum += top / static_cast<double>(c.size());
  }
  return sum / static_cast<double>(clients.size());
}

}  // namespace

TEST_CASE("every scheme gives every row to exactly one client, the same for the same seed") {
  const auto subjects = subjects_of_size(1003, 5);
  const auto labels = labels_by_subject(subjects, 4);
  for (const char* scheme : {"iid", "dirichlet", "dirichlet_client", "pathological", "subject"})
    for (bool known : {false, true}) {
      if (std::string(scheme) == "subject" && !known) continue;
      CAPTURE(scheme);
      const auto s = section(scheme, 7);
      const auto who = known ? subjects : Numbers{};
      const auto a = data::partition_rows(labels, who, s, 1);
      CHECK(a.size() == 7);
      check_cover(a, labels.size());
      CHECK(a == data::partition_rows(labels, who, s, 1));
      CHECK(a != data::partition_rows(labels, who, s, 2));
    }
}

TEST_CASE("iid sizes differ by one at most") {
  for (const auto& c : data::partition_rows(cyclic_labels(100, 3), {}, section("iid", 7), 1))
    CHECK((c.size() == 14 || c.size() == 15));
}

TEST_CASE("dirichlet: alpha from one class each to an even mix, never below min_samples") {
  const auto labels = cyclic_labels(4000, 4);
  auto s = section("dirichlet", 8);
  std::vector<double> skews;
  for (double alpha : {0.1, 0.5, 5.0, 1e6}) {
    s.alpha = alpha;
    const auto clients = data::partition_rows(labels, {}, s, 3);
    check_cover(clients, labels.size());
    for (const auto& c : clients) CHECK(c.size() >= 10);
    skews.push_back(skew(clients, labels));
  }
  CHECK(std::is_sorted(skews.rbegin(), skews.rend()));
  CHECK(skews.front() > 0.65);
  CHECK(skews.back() < 0.27);
  // An even mix has even sizes too.
  for (const auto& c : data::partition_rows(labels, {}, s, 3))
    CHECK(std::abs(static_cast<int>(c.size()) - 500) <= 8);
}

TEST_CASE("dirichlet with a vanishing alpha gives each class to one client") {
  const auto labels = cyclic_labels(400, 4);
  auto s = section("dirichlet", 2);
  for (double alpha : {1e-6, 1e-300}) {
    s.alpha = alpha;
    const auto clients = data::partition_rows(labels, {}, s, 3);
    check_cover(clients, labels.size());
    for (const auto& c : clients) CHECK(values(c, labels).size() == 2);
  }
}

TEST_CASE("dirichlet gives a subject to one client where subjects are known") {
  const auto subjects = subjects_of_size(1200, 10);
  const auto labels = labels_by_subject(subjects, 3);
  const auto clients = data::partition_rows(labels, subjects, section("dirichlet", 6), 1);
  std::size_t total = 0;
  for (const auto& c : clients) total += values(c, subjects).size();
  CHECK(total == 120);
}

TEST_CASE("dirichlet says when it cannot be done") {
  auto s = section("dirichlet", 10);
  s.min_samples = 11;
  CHECK(contains(message_of<DataError>([&] { data::partition_rows(cyclic_labels(100, 2), {}, s, 1); }),
                 "100 training samples do not give each of 10 clients partition.min_samples = 11"));
  s.min_samples = 10;
  s.alpha = 1e-3;
  CHECK(contains(message_of<DataError>([&] { data::partition_rows(cyclic_labels(100, 2), {}, s, 1); }),
                 "raise partition.alpha"));
}

TEST_CASE("dirichlet_client: equal sizes, mixes from alike to one class") {
  const auto labels = cyclic_labels(1603, 4);
  auto s = section("dirichlet_client", 8);
  s.alpha = 1e6;
  const auto even = data::partition_rows(labels, {}, s, 1);
  s.alpha = 1e-6;
  const auto skewed = data::partition_rows(labels, {}, s, 1);
  for (const auto* clients : {&even, &skewed}) {
    check_cover(*clients, labels.size());
    for (const auto& c : *clients) CHECK((c.size() == 200 || c.size() == 201));
  }
  CHECK(skew(even, labels) < 0.35);
  CHECK(skew(skewed, labels) > 0.8);
}

TEST_CASE("pathological: exactly m classes a client") {
  const auto labels = cyclic_labels(1000, 5);
  auto s = section("pathological", 7);
  for (std::int64_t m : {1, 2, 5}) {
    s.classes_per_client = m;
    const auto clients = data::partition_rows(labels, {}, s, 1);
    check_cover(clients, labels.size());
    for (const auto& c : clients) CHECK(values(c, labels).size() == static_cast<std::size_t>(m));
  }
  s.classes_per_client = 6;
  CHECK(contains(message_of<DataError>([&] { data::partition_rows(labels, {}, s, 1); }), "allowed 1 to 5"));
  s.classes_per_client = 1;
  s.clients = 4;
  CHECK(contains(message_of<DataError>([&] { data::partition_rows(labels, {}, s, 1); }), "to nobody"));
  Numbers rare(50, 0);
  rare[7] = 1;
  s.clients = 4;
  CHECK(contains(message_of<DataError>([&] { data::partition_rows(rare, {}, s, 1); }),
                 "class 1 has 1 training samples for 2 clients"));
}

TEST_CASE("subject: whole subjects, sizes even, refused without") {
  const auto subjects = subjects_of_size(300, 7);
  const auto labels = labels_by_subject(subjects, 3);
  const auto clients = data::partition_rows(labels, subjects, section("subject", 5), 1);
  std::size_t total = 0;
  for (const auto& c : clients) {
    total += values(c, subjects).size();
    CHECK(std::abs(static_cast<int>(c.size()) - 60) <= 7);
  }
  CHECK(total == 43);
  CHECK(contains(message_of<DataError>([&] { data::partition_rows(labels, {}, section("subject", 5), 1); }),
                 "does not tell its subjects"));
  CHECK(contains(
      message_of<DataError>([&] { data::partition_rows(labels, subjects, section("subject", 44), 1); }),
      "44 clients, but only 43 subjects"));
}

TEST_CASE("more clients than samples are refused") {
  CHECK(contains(
      message_of<DataError>([] { data::partition_rows(cyclic_labels(5, 2), {}, section("iid", 6), 1); }),
      "partition.clients: value is 6, but there are only 5"));
}

TEST_CASE("hold-out: the fraction, at least one of two, never all") {
  auto s = section("iid", 1);
  for (const auto& [n, fraction, expected] : {std::tuple{100, 0.15, 15},
                                              {10, 0.15, 2},
                                              {2, 0.15, 1},
                                              {1, 0.15, 0},
                                              {2, 0.9, 1},
                                              {50, 0.0, 0},
                                              {40, 0.001, 1}}) {
    s.holdout_fraction = fraction;
    Indices rows;
    for (int i = 0; i < n; ++i) rows.push_back(1000 + 3 * i);
    const auto h = data::hold_out(rows, {}, s, 1, 4);
    CAPTURE(rows.size());
    CHECK(h.holdout.size() == static_cast<std::size_t>(expected));
    Indices all = h.train;
    all.insert(all.end(), h.holdout.begin(), h.holdout.end());
    std::sort(all.begin(), all.end());
    CHECK(all == rows);
  }
  Indices rows;
  for (int i = 0; i < 100; ++i) rows.push_back(i);
  s.holdout_fraction = 0.3;
  CHECK(data::hold_out(rows, {}, s, 1, 0).holdout != data::hold_out(rows, {}, s, 1, 1).holdout);
  CHECK(data::hold_out(rows, {}, s, 1, 0).holdout == data::hold_out(rows, {}, s, 1, 0).holdout);
}

TEST_CASE("hold-out by subject: whole subjects") {
  const auto subjects = subjects_of_size(100, 10);
  Indices rows;
  for (int i = 0; i < 100; ++i) rows.push_back(i);
  auto s = section("subject", 1);
  s.holdout_fraction = 0.15;
  const auto h = data::hold_out(rows, subjects, s, 1, 0);
  CHECK(values(h.holdout, subjects).size() == 2);
  CHECK(h.holdout.size() == 20);
  for (auto subject : values(h.holdout, subjects)) CHECK_FALSE(values(h.train, subjects).count(subject));
  // A single subject is trained on whole.
  const auto one = data::hold_out(Indices(rows.begin(), rows.begin() + 10), subjects, s, 1, 0);
  CHECK(one.holdout.empty());
  CHECK(one.train.size() == 10);
}
