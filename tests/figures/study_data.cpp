/// Folders read back, and what is said of broken ones.
#include "figures/study_data.hpp"

#include <algorithm>
#include <sstream>
#include <string>

#include "page/report.hpp"
#include "record/seal.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using afu::test::text_of;
using afu::test::write_text;

namespace {

std::string why(const std::filesystem::path& folder) {
  try {
    read_study(folder);
  } catch (const ReportError& e) {
    return e.what();
  }
  return "it was read";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a study's folder is read back") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);
  const auto s = read_study(made.folder.path());
  CHECK(s.name == "synthetic");
  CHECK(s.arms.size() == 5);
  CHECK(s.arms[s.subject].name == "mine");
  CHECK(s.arms[s.reference].role == Arm::Role::reference);
  CHECK(s.arms[2].synchronous);
  CHECK(s.cells.size() == 15);
  CHECK(s.count(Cell::State::completed) == 15);
  CHECK(s.groups == std::vector<std::string>{""});
  const auto& run = *s.cells_of(0, 0)[1]->run;
  CHECK(run.summary.seed == 2);
  CHECK(*run.summary.final.test_accuracy == 0.8 + 0.002);
  CHECK(run.summary.erasures.at(0).requested_at == 100);
  CHECK(run.summary.erasures[0].client_passes == 120);
  CHECK(*run.rows.front().mia_auc == 0.7);
  CHECK(*run.rows.front().attack_success_rate == 0.95);
}

TEST_CASE("claims that a study leaves out stand in its report, with the reason") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);
  CHECK(read_study(made.folder.path()).claims_left_out.empty());
  CHECK_FALSE(contains(to_markdown(report_on(made.folder.path())), "not judged"));
  made.manifest["claims"] = {"no_rebound"};
  made.manifest["claims_left_out"] = {{{"claim", "equivalence"}, {"why", "no arm retrains"}},
                                      {{"claim", "latency"}, {"why", "no arm halts"}}};
  made.save();
  CHECK(contains(to_markdown(report_on(made.folder.path())),
                 "Claims that are not judged: equivalence (no arm retrains); latency (no arm halts)."));
}

TEST_CASE("cells that failed or were not run are told apart") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);
  std::filesystem::remove_all(made.cell("mine", 1));
  write_text(made.cell("mine", 2) / "failure.txt", "out of memory\n");
  auto text = text_of(made.cell("mine", 3) / "summary.json");
  text.replace(text.find("\"completed\""), 11, "\"interrupted\"");
  write_text(made.cell("mine", 3) / "summary.json", text);
  const auto s = read_study(made.folder.path());
  const auto cells = s.cells_of(0, 0);
  CHECK(cells[0]->state == Cell::State::missing);
  CHECK(cells[1]->state == Cell::State::failed);
  CHECK(cells[1]->why == "out of memory");
  CHECK(cells[2]->state == Cell::State::missing);  // it goes on by the same command
  CHECK(cells[2]->why == "interrupted");
  CHECK_FALSE(cells[2]->run);
  CHECK(s.count(Cell::State::missing) == 2);
  CHECK(s.count(Cell::State::failed) == 1);
}

TEST_CASE("axes make groups") {
  test::SyntheticStudy made({1});
  made.manifest["axes"] = {{{"key", "a.b"}, {"values", {"1", "2"}}}};
  made.manifest["arms"] = {{{"name", "mine"}, {"role", "method"}, {"synchronous", false}},
                           {{"name", "retrain"}, {"role", "reference"}, {"synchronous", false}}};
  for (const char* value : {"1", "2"})
    made.manifest["cells"].push_back(
        {{"arm", "mine"}, {"seed", 1}, {"axes", {{"a.b", value}}}, {"folder", "none"}});
  made.save();
  const auto s = read_study(made.folder.path());
  CHECK(s.groups == std::vector<std::string>{"a.b = 1", "a.b = 2"});
  CHECK(s.cells[1].group == 1);
  CHECK(s.cells_of(1, 0).size() == 1);
}

TEST_CASE("a broken manifest is told with file and line, or key") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);
  const auto file = made.folder / "study.json";
  const auto good = text_of(file);

  write_text(file, "{\n  \"schema\": 1,\n  oops\n}");
  CHECK(contains(why(made.folder.path()), "study.json:3: is no JSON"));

  const auto broken = [&](const std::string& from, const std::string& to) {
    auto text = good;
    REQUIRE(text.find(from) != text.npos);
    write_text(file, text.replace(text.find(from), from.size(), to));
    return why(made.folder.path());
  };
  CHECK(contains(broken("\"schema\": 1", "\"schema\": 2"), "study.json: schema is 2"));
  CHECK(contains(broken("\"confidence\": 0.95", "\"confidence\": \"much\""),
                 "statistics.confidence has the value"));
  CHECK(
      contains(broken("\"rebound_margin\"", "\"rebound_margins\""), "statistics.rebound_margin is missing"));
  CHECK(contains(broken("\"subject\": \"mine\"", "\"subject\": \"yours\""), "subject names the arm 'yours'"));
  CHECK(contains(broken("\"role\": \"method\"", "\"role\": \"king\""), "arms[0].role is 'king'"));
  CHECK(contains(broken("\"mia_auc\": 0.03", "\"mia\": 0.03"), "statistics.margins.mia is no metric"));
  CHECK(contains(why(made.folder.path() / "nowhere"), "cannot be opened"));
}

TEST_CASE("a complete cell with a file that cannot be used failed, for a reason that names file and line") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);
  const auto metrics = made.cell("mine", 2) / "metrics.csv";
  const auto good = text_of(metrics);
  const auto why_failed = [&] {
    const auto s = read_study(made.folder.path());
    const auto* cell = s.cells_of(0, 0)[1];
    CHECK(cell->run.has_value() == (cell->state == Cell::State::completed));
    CHECK(s.count(Cell::State::completed) == (cell->run ? 15 : 14));
    return cell->state == Cell::State::failed ? cell->why : "it did not";
  };
  write_text(metrics, good + "1,2,3\n");
  CHECK(contains(why_failed(), "mine/seed=2/metrics.csv:25: has 3 columns, wanted 15"));
  write_text(metrics, good + "1,2,0,4,training,much,,,,,,,,,\n");
  CHECK(contains(why_failed(), "metrics.csv:25: 'much' is no number"));
  write_text(metrics, good + "1,2,0,4,training,1.5,,,,,,,,,\n");
  CHECK(contains(why_failed(), "metrics.csv:25: test_accuracy is 1.5, allowed is 0 to 1"));
  write_text(metrics, good + "1,nan,0,4,training,,,,,,,,,,\n");
  CHECK(contains(why_failed(), "metrics.csv:25: version, time, epoch and updates must be numbers"));
  write_text(metrics, "a,b\n");
  CHECK(contains(why_failed(), "metrics.csv:1: wanted the columns"));
  std::filesystem::remove(metrics);
  CHECK(contains(why_failed(), "metrics.csv: cannot be opened"));
  write_text(metrics, good);
  CHECK(why_failed() == "it did not");
  write_text(made.cell("mine", 2) / "summary.json", "{\"context\": [1]}");
  CHECK(contains(why_failed(), "mine/seed=2/summary.json: schema is missing"));
}

TEST_CASE("events are read back as they were written, and a broken line is named") {
  test::TemporaryFolder folder;
  record::EventLog log(folder / "events.jsonl");
  log.append(record::Event{1.25, 1, record::EventType::update, 7, 0, 4, 5, 6, 4096});
  log.append(record::Decision{1.5, record::Decision::Kind::late_rebased, 3, 8, 1, 2, std::nan("")});
  log.close();
  const auto records = read_events(folder / "events.jsonl");
  REQUIRE(records.size() == 2);
  const auto& e = std::get<record::Event>(records[0]);
  CHECK(e.from == 7);
  CHECK(e.to == record::server_node);
  CHECK(e.type == record::EventType::update);
  CHECK(e.bytes == 4096);
  const auto& d = std::get<record::Decision>(records[1]);
  CHECK(d.kind == record::Decision::Kind::late_rebased);
  CHECK(d.staleness == 2);
  CHECK(std::isnan(d.weight));
  write_text(folder / "events.jsonl", text_of(folder / "events.jsonl") + "{\"t\":1,\"event\":\"party\"}\n");
  CHECK_THROWS_WITH_AS(read_events(folder / "events.jsonl"),
                       doctest::Contains("events.jsonl:3: event is no event"), ReportError);
}

TEST_CASE("a cell whose files are not as its run left them has no figures") {
  afu::test::SyntheticStudy study({1, 2});
  afu::test::fill_good_study(study);
  const auto cell = study.cell("mine", 1);
  nlohmann::ordered_json files;
  for (const char* name : {"summary.json", "metrics.csv", "events.jsonl"}) {
    const auto digest = record::digest_of_file(cell / name);
    files[name] = {{"bytes", digest.bytes}, {"sha256", digest.sha256}};
  }
  const nlohmann::ordered_json seal{
      {"schema", 1}, {"files", files}, {"inputs", nlohmann::ordered_json::array()}};
  write_text(cell / "files.json", seal.dump());
  CHECK(read_study(study.folder.path()).count(Cell::State::completed) == study.manifest["cells"].size());
  std::filesystem::remove(cell / "events.jsonl");
  const auto damaged = read_study(study.folder.path());
  CHECK(damaged.count(Cell::State::failed) == 1);
  const auto& found = *damaged.cells_of(0, 0).front();
  CHECK(found.why == "damaged: events.jsonl is missing");
  CHECK_FALSE(found.run);
  CHECK_THROWS_WITH_AS(report_on(cell), doctest::Contains("seed=1: damaged: events.jsonl is missing"),
                       ReportError);
}

TEST_CASE("a cell whose rows lack a metric that others' have is not given the summary's figure for it") {
  afu::test::SyntheticStudy study({1, 2});
  afu::test::fill_good_study(study);
  const auto read = [&] { return *read_study(study.folder.path()).cells_of(0, 0).front()->run; };
  CHECK(read().summary.final.test_accuracy);
  CHECK(read().summary.final.mia_auc);  // which no run's rows have
  CHECK(read().flaws.empty());
  const auto file = study.cell("mine", 1) / "metrics.csv";
  std::istringstream lines(text_of(file));
  std::string rows, line;
  std::getline(lines, line);
  const auto before =
      std::count(line.begin(), line.begin() + static_cast<long>(line.find("test_accuracy")), ',');
  for (rows = line + "\n"; std::getline(lines, line); rows += line + "\n") {
    std::size_t begin = 0;
    for (auto i = before; i > 0; --i) begin = line.find(',', begin) + 1;
    line.erase(begin, line.find(',', begin) - begin);
  }
  write_text(file, rows);
  const auto run = read();
  CHECK_FALSE(run.summary.final.test_accuracy);
  CHECK(run.summary.final.mia_auc);
  REQUIRE(run.flaws.size() == 1);
  CHECK(run.flaws[0].metric == find_metric("test_accuracy"));
  CHECK(run.flaws[0].text == "metrics.csv: no row has test_accuracy");
}
