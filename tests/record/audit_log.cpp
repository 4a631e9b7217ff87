#include "record/audit_log.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/record/temporary_folder.hpp"

using namespace afu;
using afu::test::TemporaryFolder;
using afu::test::text_of;

TEST_CASE("a job's line says from which version it starts, on which rows and in which order") {
  TemporaryFolder tmp;
  record::AuditLog log(tmp / "jobs.jsonl");
  record::AuditJob train;
  train.to = record::first_client_node + 3;
  train.kind = train.kernel = "train";
  train.job = 12;
  train.version = 40;
  train.epoch = 1;
  train.key = base::StreamKey{7, base::purpose("train"), 3, 12};
  train.left_out = {0, 2};
  train.lr = 0.05;
  train.batch_size = 8;
  train.epochs = 1;
  log.append(train);
  record::AuditJob erase;
  erase.to = record::unlearner_node;
  erase.kind = "erase";
  erase.kernel = "distil";
  erase.request = 1;
  erase.job = 1;
  erase.version = 41;
  erase.rows = {std::make_shared<const afu::base::Indices>(afu::base::Indices{5, 3}), nullptr};
  log.append(erase);
  log.close();

  std::istringstream lines(text_of(tmp / "jobs.jsonl"));
  std::string line;
  std::getline(lines, line);
  const auto first = nlohmann::json::parse(line);
  CHECK(first["to"] == "client/3");
  CHECK(first["job"] == 12);
  CHECK(first["version"] == 40);
  CHECK(first["epoch"] == 1);
  CHECK(first["request"].is_null());
  CHECK(first["key"]["purpose"].get<std::uint64_t>() == base::purpose("train"));
  CHECK(first["key"]["round"] == 12);
  CHECK(first["left_out"] == nlohmann::json{0, 2});
  CHECK(first["lr"] == 0.05);
  std::getline(lines, line);
  const auto second = nlohmann::json::parse(line);
  CHECK(second["kind"] == "erase");
  CHECK(second["to"] == "unlearner");
  CHECK(second["key"].is_null());
  CHECK(second["rows"] == nlohmann::json::array({{5, 3}, nlohmann::json::array()}));
  CHECK(!second.contains("lr"));
}
