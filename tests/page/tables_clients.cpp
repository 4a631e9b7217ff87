/// What a study tells of its clients and sites, on files whose figures are known.
#include <fmt/format.h>

#include <algorithm>

#include <doctest/doctest.h>

#include "page/report.hpp"
#include "page/tables.hpp"
#include "record/clients_log.hpp"
#include "tests/figures/study_folder.hpp"

using namespace afu;

namespace {

/// Two clients, the first of which asks at second 100, and a site: at 100 s 40, 80 and 50 %, at 101 s as given, with the
/// second client and the site 10 and 20 points above the first.
void write_clients(const std::filesystem::path& cell, double asking) {
  const auto rows = [](double time, double first, double second, double site) {
    return fmt::format(
        "1,{0},0,4,training,holdout,0,,20,{1},0.5,0.5,1\n1,{0},0,4,training,holdout,1,,20,{2},0.5,0.5,1\n"
        "1,{0},0,4,training,test,,Leiden,20,{3},0.5,0.5,1\n",
        time, first, second, site);
  };
  test::write_text(cell / "clients.csv", std::string(record::clients_header) + "\n" +
                                             rows(100, 0.4, 0.8, 0.5) +
                                             rows(101, asking, asking + 0.1, asking + 0.2));
}

struct Made : test::SyntheticStudy {
  Made() : SyntheticStudy({1, 2, 3}) {
    const auto run = [](std::uint64_t) { return test::SyntheticRun{}; };
    arm("mine", "method", false, run);
    arm("retrain", "reference", false, run);
  }
};

}  // namespace

TEST_CASE("a study has a table of clients and one of sites where they were measured") {
  const Made study;
  const auto tables = [&] {
    return page::client_tables(figures::Analysis(figures::read_study(study.folder.path())), 0);
  };
  CHECK(tables().empty());
  for (int seed : {1, 2, 3}) write_clients(study.cell("mine", seed), 0.5 + 0.02 * seed);
  write_clients(study.cell("retrain", 2), 0.6);
  const auto all = tables();
  REQUIRE(all.size() == 2);
  const auto& clients = all[0];
  CHECK(clients.id == "client-figures");
  CHECK(clients.caption.find("Left out") == std::string::npos);
  REQUIRE(clients.rows.size() == 2);
  CHECK(clients.rows[0][0].text == "mine");
  CHECK(clients.rows[0][1].text == "59.0 ± 5.0 %");  // 57, 59 and 61: 4.3027 x 2 / sqrt(3)
  CHECK(clients.rows[0][2].text == "54.0 ± 5.0 %");
  CHECK(clients.rows[0][3].text == "7.1 ± 0.0 pp");  // 10 points apart: / sqrt(2)
  CHECK(clients.rows[0][4].text == "40.0 ± 0.0 %");
  CHECK(clients.rows[0][5].text == "54.0 ± 5.0 %");
  CHECK(clients.rows[1][2].text == "60.0 %");
  CHECK(clients.rows[1][2].note == "1 of 3");
  CHECK(all[1].id == "site-figures");
  CHECK(all[1].columns.size() == 4);
  CHECK(all[1].rows[0][1].text == "74.0 ± 5.0 %");
}

TEST_CASE("a file of clients that cannot be read is told, and the page has the others") {
  const Made study;
  for (int seed : {1, 2}) write_clients(study.cell("mine", seed), 0.5);
  test::write_text(study.cell("mine", 3) / "clients.csv", "version\n");
  const auto all = page::client_tables(figures::Analysis(figures::read_study(study.folder.path())), 0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].caption.find("Left out: ") != std::string::npos);
  CHECK(all[0].caption.find("clients.csv:1: wanted the columns version,time,epoch") != std::string::npos);
  const auto document = page::study_document(figures::read_study(study.folder.path()));
  const auto is_clients = [](const page::Section& s) { return s.id == "clients"; };
  CHECK(std::count_if(document.sections.begin(), document.sections.end(), is_clients) == 1);
}
