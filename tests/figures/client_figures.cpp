#include "figures/client_figures.hpp"

#include <fmt/format.h>

#include <cmath>

#include "figures/run_data.hpp"
#include "page/document.hpp"
#include "page/tables.hpp"
#include "record/clients_log.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using figures::ClientFigures;
using record::GroupFigures;

namespace {

struct Written {
  test::TemporaryFolder folder;
  explicit Written(const std::string& rows, const std::string& header = record::clients_header) {
    test::write_text(folder.path() / "clients.csv", header + "\n" + rows);
  }
  std::vector<ClientFigures> read(std::optional<double> requested_at = 5.0) const {
    return figures::read_client_figures(folder.path(), requested_at);
  }
  std::string refusal() const {
    try {
      read();
    } catch (const figures::ReportError& e) {
      const std::string what = e.what();
      return what.substr(what.find("clients.csv"));
    }
    return "";
  }
};

const std::string two_versions =
    "1,1,0,4,training,holdout,0,,20,0.5,0.5,0.5,1.5\n"
    "1,1,0,4,training,holdout,1,Leiden,10,0.9,0.8,0.95,0.25\n"
    "1,1,0,4,training,test,,\"Gent, B\",40,0.75,,,0.5\n"
    "9,6.5,0,12,forgotten,holdout,0,,20,0.6,0.5,,1.25\n"
    "9,6.5,0,12,forgotten,holdout,1,Leiden,10,0.8,0.75,0.9,0.375\n"
    "9,6.5,0,12,forgotten,test,,\"Gent, B\",40,,,,\n";

}  // namespace

TEST_CASE("each set is one entry, with what the first request found and what was there at the end") {
  const auto all = Written(two_versions).read();
  REQUIRE(all.size() == 3);
  CHECK(all[0].name() == "client/0");
  CHECK(all[1].name() == "client/1 (Leiden)");
  CHECK(all[2].name() == "Gent, B");
  CHECK(all[0].samples == 20);
  CHECK(all[0].found.accuracy == 0.5);
  CHECK(all[0].last.accuracy == 0.6);
  CHECK_FALSE(all[0].last.auc);
  CHECK(all[1].last.loss == 0.375);
  CHECK(all[2].found.accuracy == 0.75);
  CHECK_FALSE(all[2].last.accuracy);  // the last model had no answer
  CHECK_FALSE(Written(two_versions).read({})[0].found.accuracy);
  test::TemporaryFolder empty;
  CHECK(figures::read_client_figures(empty.path(), 5.0).empty());
}

TEST_CASE("the late figures are means over the last versions that came after the request") {
  std::string rows;
  for (int version = 0; version < 6; ++version)  // at 0 to 5 s: 0.1, 0.2, ...
    rows += fmt::format("{0},{0},0,4,training,holdout,0,,20,0.{1},,0.5,1\n", version, version + 1);
  const Written written(rows);
  const auto late = [&](std::optional<double> requested_at, std::size_t count) {
    return *figures::read_client_figures(written.folder.path(), requested_at, count).at(0).late.accuracy;
  };
  CHECK(late({}, 1) == 0.6);
  CHECK(late({}, 0) == 0.6);
  CHECK(late({}, 2) == doctest::Approx(0.55));
  CHECK(late({}, 100) == doctest::Approx(0.35));
  CHECK(late(3.0, 100) == doctest::Approx(0.55));
  CHECK(late(3.0, 1) == 0.6);
  CHECK(late(5.0, 3) == 0.6);  // nothing came after it
  CHECK_FALSE(figures::read_client_figures(written.folder.path(), 3.0, 2).at(0).late.balanced_accuracy);
}

TEST_CASE("the spread is over those that have the figure") {
  const auto all = Written(two_versions).read();
  const auto s = figures::spread_of(all, "holdout", &ClientFigures::last, &GroupFigures::accuracy);
  REQUIRE(s);
  CHECK(s->count == 2);
  CHECK(s->mean == doctest::Approx(0.7));
  CHECK(s->deviation == doctest::Approx(std::sqrt(0.02)));
  CHECK(s->lowest == 0.6);
  CHECK(s->lowest_name == "client/0");
  CHECK(s->highest == 0.8);
  const auto one = figures::spread_of(all, "holdout", &ClientFigures::last, &GroupFigures::auc);
  REQUIRE(one);
  CHECK(one->count == 1);
  CHECK(one->deviation == 0);
  CHECK_FALSE(figures::spread_of(all, "test", &ClientFigures::last, &GroupFigures::accuracy));
}

TEST_CASE("a file that no run has written is refused with its line") {
  CHECK(Written("", "version,time").refusal().find("clients.csv:1: wanted the columns version,time,epoch") ==
        0);
  CHECK(Written("1,1,0,4,training,holdout,0,,20,0.5,0.5,0.5\n").refusal() ==
        "clients.csv:2: has 12 columns, wanted 13");
  CHECK(Written("1,1,0,4,training,held,0,,20,0.5,0.5,0.5,1\n").refusal() ==
        "clients.csv:2: the set is 'held', allowed are holdout and test");
  CHECK(Written("1,1,0,4,training,test,0,,20,1.5,0.5,0.5,1\n").refusal() ==
        "clients.csv:2: a figure is 1.5, allowed is 0 to 1");
  CHECK(Written("1,1,0,4,training,test,x,,20,0.5,0.5,0.5,1\n").refusal() ==
        "clients.csv:2: 'x' is no number");
}

TEST_CASE("a report has a table of clients and one of sites, each where there is something") {
  const auto all = Written(two_versions).read();
  const auto clients = page::clients_table(all, "holdout");
  REQUIRE(clients);
  CHECK(clients->id == "clients");
  CHECK(clients->caption.find("70.0 ± 14.1 %") != std::string::npos);
  CHECK(clients->caption.find("the lowest 60.0 % (client/0)") != std::string::npos);
  REQUIRE(clients->rows.size() == 2);
  CHECK(clients->rows[1][0].text == "client/1 (Leiden)");
  CHECK(clients->rows[1][3].text == "80.0 %");
  CHECK(clients->rows[1][3].csv == "0.8");
  CHECK(clients->rows[0][5].csv.empty());
  CHECK_FALSE(clients->folded);
  const auto sites = page::clients_table(all, "test");
  REQUIRE(sites);
  CHECK(sites->columns[0].name == "site");
  CHECK(sites->caption.find("lowest") == std::string::npos);  // nobody has an accuracy
  CHECK_FALSE(page::clients_table({}, "test"));
}
