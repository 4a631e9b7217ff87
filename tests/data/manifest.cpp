#include "data/manifest.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/scenario.hpp"
#include "data/describe.hpp"
#include "data/federated.hpp"
#include "data/write_manifest.hpp"
#include "tests/data/image_files.hpp"
#include "tests/data/medical_files.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using Names = std::vector<std::string>;

namespace {

bool told(const data::Source& source, const std::string& part) {
  return std::any_of(source.notes.begin(), source.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

config::DataSection section() {
  config::DataSection s;
  s.source = config::DataSource::manifest;
  s.image_size = 8;
  return s;
}

data::FileSet files_of(const std::string& text, const config::DataSection& s = section()) {
  return data::files_of_manifest(base::parse_table(text, "sets/list.csv"), "sets/list.csv", s);
}

std::string refusal(const std::string& path, const config::DataSection& s = section()) {
  return message_of<DataError>([&] { data::load_manifest(path, s, 1); });
}

/// No two images are the same.
void write_images(const TempFolder& folder, int n) {
  fs::create_directories(folder / "images");
  for (int i = 0; i < n; ++i) {
    std::vector<std::uint8_t> pixels(64, static_cast<std::uint8_t>(i % 2 ? 200 : 20));
    pixels[0] = static_cast<std::uint8_t>(i);
    pixels[1] = static_cast<std::uint8_t>(i / 256);
    write_png(folder / fmt::format("images/{:04}.png", i), 8, 8, pixels);
  }
}

/// Two images a patient, patients dealt to three sites.
std::string sound_table(int n, const std::string& more = "") {
  std::string text = "path,label,subject,site" + std::string(more.empty() ? "" : ",") + more + "\n";
  for (int i = 0; i < n; ++i)
    text += fmt::format("images/{:04}.png,{},p{},{}{}\n", i, i % 2 ? "ill" : "well", i / 2,
                        Names{"Utrecht", "Leiden", "Gent"}[static_cast<std::size_t>(i / 2 % 3)],
                        more.empty() ? ""
                        : i % 4 == 3 ? ",test"
                        : i % 7 == 0 ? ",val"
                                     : ",train");
  return text;
}

}  // namespace

TEST_CASE("rows become files with labels, subjects and sites") {
  const auto set = files_of(
      "path,label,subject,site,split\n"
      "a.png,well,p7,Leiden,train\n"
      "/abs/b.png,ill,p2,Gent,test\n"
      "../c.png,ill,p7,Leiden,val\n");
  CHECK(set.class_names == Names{"ill", "well"});
  CHECK(set.site_names == Names{"Gent", "Leiden"});
  REQUIRE(set.rows.size() == 3);
  CHECK(set.unusable.empty());
  CHECK(set.rows[0].path == "sets/a.png");
  CHECK(set.rows[1].path == "/abs/b.png");
  CHECK(set.rows[2].path == "c.png");
  CHECK(set.rows[0].label == 1);
  CHECK(set.rows[1].label == 0);
  CHECK(set.rows[0].line == 2);
  CHECK(set.rows[0].subject == set.rows[2].subject);
  CHECK(set.rows[0].subject != set.rows[1].subject);
  CHECK(set.subject_names.at(set.rows[1].subject) == "p2");
  CHECK(set.rows[1].site == 0);
  CHECK(set.rows[2].split == data::Split::val);
}

TEST_CASE("labels that are numbers are the classes' numbers, others are names") {
  CHECK(files_of("path,label\na,2\nb,0\n").class_names == Names{"class 0", "class 1", "class 2"});
  CHECK(files_of("path,label\na,2\nb,0\n").rows[0].label == 2);
  CHECK(files_of("path,label\na,10\nb,9\nc,x\n").class_names == Names{"10", "9", "x"});
  CHECK(files_of("path,label\na,01\nb,1\n").class_names == Names{"01", "1"});
  CHECK(files_of("path,label\na,1000\nb,1\n").class_names == Names{"1", "1000"});
}

TEST_CASE("columns are called as the keys say") {
  auto s = section();
  s.columns.path = "file name";
  s.columns.label = "diagnosis";
  s.columns.subject = "patient";
  const auto set =
      files_of("patient;diagnosis;file name;path;subject\np1;x;a.png;no;q\np1;y;b.png;no;q\n", s);
  CHECK(set.rows[1].path == "sets/b.png");
  CHECK(set.subject_names.at(0) == "p1");
  CHECK(message_of<DataError>([&] { files_of("path,label\na,b\n", s); }) ==
        "sets/list.csv: has no column \"file name\" (data.columns.path); its columns are path, label");
}

TEST_CASE("weights are refused, not passed over") {
  CHECK(contains(message_of<DataError>([] { files_of("path,label,weight\na,x,2\n"); }),
                 "it has a column \"weight\", and weights of samples are not served"));
  auto s = section();
  s.columns.weight = "";
  CHECK(files_of("path,label,weight\na,x,2\n", s).rows.size() == 1);
}

TEST_CASE("every row that cannot be used is named by its line") {
  auto one_class = section();
  one_class.task = config::DataTask::classes;
  const auto set = files_of(
      "path,label,subject,site,split\n"
      "a.png,x,p,s,train\n"
      "b.png,x,p,s\n"
      ",x,p,s,train\n"
      "c.png,,p,s,train\n"
      "d.png,x|y,p,s,train\n"
      "e.png,x,,s,train\n"
      "f.png,x,p,,train\n"
      "g.png,x,p,s,training\n"
      "./a.png,x,p,s,train\n"
      "h.png,\"x\x01\",p,s,train\n"
      "i.png,x,p,\xff,train\n",
      one_class);
  CHECK(set.rows.size() == 1);
  const Names expected{
      "3: has 4 cells, the header 5",
      "4: its path is empty",
      "5: its label is empty",
      "6: its label \"x|y\" names several, and data.task = \"classes\" asks for one class an image",
      "7: its subject is empty",
      "8: its site is empty",
      "9: its split is \"training\", allowed are train, val and test",
      "10: its path stands in line 2 already",
      "11: its label \"x\\x01\" has control characters",
      "12: its site \"\\xff\" is no UTF-8"};
  REQUIRE(set.unusable.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(set.unusable[i].text == "sets/list.csv:" + expected[i]);
}

TEST_CASE("a share of unusable rows is left out only when the scenario says so") {
  TempFolder folder;
  write_images(folder, 1000);
  write_file(folder / "list.csv", sound_table(1000));
  for (const char* name : {"images/0100.png", "images/0500.png", "images/0501.png"})
    write_file(folder / name, "broken");
  const auto what = refusal(folder / "list.csv");
  CHECK(
      what.find(
          (folder / "list.csv") +
          ": 3 of 1000 rows cannot be used, allowed is a share of 0 (data.unusable_share), in the lines 102, 502, 503:\n  " +
          (folder / "list.csv") + ":102: " + (folder / "images/0100.png") + ": not a readable image") == 0);
  auto s = section();
  s.unusable_share = 0.002;
  CHECK(contains(refusal(folder / "list.csv", s), "allowed is a share of 0.002"));
  s.unusable_share = 0.003;
  const auto source = data::load_manifest(folder / "list.csv", s, 1);
  CHECK(source.train.size() + source.val.size() + source.test.size() == 997);
  CHECK(told(
      source,
      "3 of 1000 rows cannot be used and were left out (data.unusable_share is 0.003): the lines 102, 502, 503"));
  CHECK(told(source, "left out: " + (folder / "list.csv") + ":502: "));
  // What is left is where it was, label by pixel and site by patient.
  for (const auto* images : {&source.train, &source.val, &source.test})
    for (std::int64_t i = 0; i < images->size(); ++i) {
      const auto r = static_cast<std::size_t>(i);
      CHECK(images->pixels[r * 64 + 9] == (images->labels[r] == 0 ? 200 : 20));
      CHECK(source.site_names[static_cast<std::size_t>(images->sites[r])] ==
            Names{"Utrecht", "Leiden", "Gent"}[static_cast<std::size_t>(images->subjects[r] % 3)]);
    }
}

TEST_CASE("given splits are taken as they are, drawn ones keep patients together") {
  TempFolder folder;
  write_images(folder, 60);
  write_file(folder / "given.csv", sound_table(60, "split"));
  const auto given = data::load_manifest(folder / "given.csv", section(), 1);
  CHECK(given.test.size() == 15);
  CHECK(given.val.size() == 7);
  CHECK(given.train.size() == 38);
  CHECK(told(given, "subjects stand in the validation split and in another one"));
  write_file(folder / "drawn.csv", sound_table(60));
  const auto drawn = data::load_manifest(folder / "drawn.csv", section(), 1);
  std::set<std::int64_t> trained(drawn.train.subjects.begin(), drawn.train.subjects.end());
  for (const auto* images : {&drawn.val, &drawn.test})
    for (auto subject : images->subjects) CHECK(trained.count(subject) == 0);
  CHECK(drawn.subject_names.at(drawn.train.subjects[0]) == fmt::format("p{}", drawn.train.subjects[0]));
}

TEST_CASE("sites are clients, called by their names") {
  TempFolder folder;
  write_images(folder, 120);
  write_file(folder / "list.csv", sound_table(120));
  config::Scenario s;
  s.data = section();
  s.data.path = folder / "list.csv";
  s.partition.scheme = config::PartitionScheme::site;
  s.partition.clients = 3;
  s.calibration.samples_per_environment = 2;
  const auto source = data::load_source(s.data, 1, "");
  const auto data = data::federate(source, s);
  CHECK(data.client_names == Names{"Gent", "Leiden", "Utrecht"});
  std::size_t images = 0;
  for (std::size_t c = 0; c < 3; ++c)
    for (const auto& rows : {data.clients[c].train, data.clients[c].holdout}) {
      images += rows->size();
      for (auto r : *rows)
        CHECK(data.pool->sites[static_cast<std::size_t>(r)] == static_cast<std::int64_t>(c));
    }
  CHECK(images == static_cast<std::size_t>(source.train.size()));
  // So are the test images' sites; one that trains nowhere has its name alone.
  REQUIRE(data.site_tests.size() == 3);
  std::size_t tested = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& site = data.site_tests[i];
    CHECK(site.site == data.client_names[i]);
    CHECK(site.client == static_cast<std::int64_t>(i));
    tested += site.rows->size();
    for (auto r : *site.rows)
      CHECK(data.pool->sites[static_cast<std::size_t>(r)] == static_cast<std::int64_t>(i));
  }
  CHECK(tested == data.test->size());
  auto elsewhere = s;
  elsewhere.partition.scheme = config::PartitionScheme::iid;
  const auto mixed = data::federate(source, elsewhere);
  REQUIRE(mixed.site_tests.size() == 3);
  CHECK(mixed.site_tests[1].site == "Leiden");
  CHECK(mixed.site_tests[1].client == -1);
  // Whole patients are held out.
  for (const auto& client : data.clients) {
    std::set<std::int64_t> out;
    for (auto r : *client.holdout) out.insert(data.pool->subjects[static_cast<std::size_t>(r)]);
    for (auto r : *client.train) CHECK(out.count(data.pool->subjects[static_cast<std::size_t>(r)]) == 0);
  }
  CHECK(data.subject_names == source.subject_names);
  const auto text = data::describe_federation(data, s);
  CHECK(contains(text, "\n  0 Gent "));
  CHECK(contains(text, "partition  site, 3 clients"));
  CHECK(contains(data::describe_source(source), "sites      Gent 40, Leiden 40, Utrecht 40"));

  s.partition.clients = 8;
  CHECK(
      message_of<DataError>([&] { data::federate(source, s); }) ==
      "partition.clients: value is 8, but the training images come from 3 sites: Gent, Leiden, Utrecht; allowed is 3");
  auto none = source;
  none.train.sites.clear();
  CHECK(contains(message_of<DataError>([&] { data::federate(none, s); }), "the manifest tells no sites"));
}

TEST_CASE("what is odd about splits is told") {
  TempFolder folder;
  write_images(folder, 12);
  fs::copy_file(folder / "images/0000.png", folder / "images/copy.png");
  std::string text = "path,label,split\nimages/copy.png,1,test\n";
  for (int i = 0; i < 12; ++i)
    text += fmt::format("images/{:04}.png,{},{}\n", i, i % 2 ? 3 : 1,
                        i < 8    ? "train"
                        : i < 10 ? "val"
                                 : "test");
  write_file(folder / "list.csv", text);
  const auto source = data::load_manifest(folder / "list.csv", section(), 1);
  CHECK(told(source, "1 of 3 test images have the same pixels as one of the training images"));
  CHECK(told(source, "labels have holes: no image at all is of class 0, 2"));
  CHECK(told(source, "no training image is of class 0 (class 0), 2 (class 2)"));
  std::replace(text.begin(), text.end(), '3', '2');
  CHECK(told(data::load_manifest(folder / "list.csv", section(), 1), "labels have holes"));
  text = "path,label,split\n";
  for (int i = 0; i < 12; ++i)
    text += fmt::format("images/{:04}.png,{},{}\n", i, i % 2 + 1, i < 8 ? "train" : i < 10 ? "val" : "test");
  write_file(folder / "list.csv", text);
  const auto from_one = data::load_manifest(folder / "list.csv", section(), 1);
  CHECK(told(from_one, "labels begin at 1: there is a class 0 without any image, 3 classes in all"));
  CHECK_FALSE(told(from_one, "same pixels"));
}

TEST_CASE("DICOM files tell whose they are, by no name that tells the patient") {
  TempFolder folder;
  DicomForm form;
  form.width = form.height = 8;
  form.bits = form.allocated = 8;
  std::string text = "path,label\n";
  for (int i = 0; i < 24; ++i) {
    form.patient = fmt::format("MRN-{:03}", 900 - i / 2);
    std::string pixels(64, i % 4 < 2 ? '\x10' : '\x70');
    pixels[0] = static_cast<char>(i);
    write_dicom(folder / fmt::format("{:02}.dcm", i), form, pixels);
    text += fmt::format("{:02}.dcm,{}\n", i, i % 4 < 2 ? "a" : "b");
  }
  write_file(folder / "list.csv", text);
  const auto subjects = [&](const config::DataSection& s) {
    const auto source = data::load_manifest(folder / "list.csv", s, 1);
    std::set<std::int64_t> trained(source.train.subjects.begin(), source.train.subjects.end());
    CHECK(source.train.subjects.size() == static_cast<std::size_t>(source.train.size()));
    for (const auto* images : {&source.val, &source.test})
      for (auto subject : images->subjects) CHECK(trained.count(subject) == 0);
    CHECK(source.subject_names.size() == 12);
    CHECK_FALSE(told(source, "MRN"));
    return source.subject_names;
  };
  CHECK(subjects(section()).at(0) == "patient 1");
  auto hashed = section();
  hashed.patients = config::PatientNames::hashed;
  hashed.patient_salt_file = folder / "salt";
  CHECK(contains(refusal(folder / "list.csv", hashed), "salt: cannot be opened"));
  write_file(folder / "salt", "");
  CHECK(contains(refusal(folder / "list.csv", hashed), "salt: is empty"));
  write_file(folder / "salt", "one");
  const auto one = subjects(hashed).at(0);
  CHECK(one.size() == 20);
  CHECK(one.rfind("pid-", 0) == 0);
  write_file(folder / "salt", "two");
  CHECK(subjects(hashed).at(0) != one);
  auto clear = section();
  clear.patients = config::PatientNames::clear;
  CHECK(subjects(clear).at(0) == "MRN-900");
}

TEST_CASE("slices of one volume stay in one split") {
  TempFolder folder;
  NiftiForm form;
  form.size = {8, 8, 10};
  form.datatype = DT_UINT8;
  form.bits = 8;
  std::string text = "path,label\n";
  for (int v = 0; v < 10; ++v) {
    std::string samples(640, '\0');
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i] = static_cast<char>(i * 7 + static_cast<std::size_t>(v) * 31);
    write_file(folder / fmt::format("v{}.nii", v), nifti_header(form) + samples);
    text += fmt::format("v{}.nii,{}\n", v, v % 2);
  }
  write_file(folder / "list.csv", text);
  auto s = section();
  s.slices.count = 5;
  const auto source = data::load_manifest(folder / "list.csv", s, 1);
  CHECK(source.train.size() + source.val.size() + source.test.size() == 50);
  CHECK(told(source, "no subject is told: each file, with all its slices, counts as one"));
  std::set<std::int64_t> trained(source.train.subjects.begin(), source.train.subjects.end());
  for (auto subject : source.test.subjects) CHECK(trained.count(subject) == 0);
  CHECK(source.train.size() % 5 == 0);
}

TEST_CASE("a manifest is made of class folders, and reads the same images") {
  TempFolder folder;
  write_images(folder, 40);
  for (const char* name : {"set/ill, or not", "set/well"}) fs::create_directories(folder / name);
  for (int i = 0; i < 40; ++i)
    fs::rename(folder / fmt::format("images/{:04}.png", i),
               folder / fmt::format("set/{}/OAS1_{:04}_{}.png", i % 2 ? "ill, or not" : "well", i / 4, i));
  const auto manifest = data::manifest_of_classes(folder / "set", folder / "list.csv");
  CHECK(manifest.rows == 40);
  CHECK(contains(manifest.text,
                 "path,label,subject\n\"set/ill, or not/OAS1_0000_1.png\",\"ill, or not\",OAS1_0000\n"));
  write_file(folder / "list.csv", manifest.text);
  auto as_folder = section();
  as_folder.source = config::DataSource::image_folder;
  as_folder.path = folder / "set";
  auto as_manifest = section();
  as_manifest.path = folder / "list.csv";
  const auto a = data::load_source(as_folder, 1, ""), b = data::load_source(as_manifest, 1, "");
  CHECK(a.class_names == b.class_names);
  CHECK(a.train.pixels.size() + a.test.pixels.size() + a.val.pixels.size() ==
        b.train.pixels.size() + b.test.pixels.size() + b.val.pixels.size());
}

TEST_CASE("a manifest is made of a BIDS tree, and who is left out is told") {
  TempFolder folder;
  const auto put = [&](const std::string& name) {
    fs::create_directories(fs::path(folder / name).parent_path());
    write_file(folder / name, "x");
  };
  put("sub-01/anat/sub-01_T1w.nii.gz");
  put("sub-01/anat/sub-01_T2w.nii.gz");
  put("sub-02/ses-1/anat/sub-02_ses-1_T1w.nii");
  put("sub-02/ses-2/anat/sub-02_ses-2_T1w.nii");
  put("sub-03/anat/sub-03_T2w.nii");
  put("sub-04/anat/sub-04_T1w.nii");
  put("sub-99/anat/sub-99_T1w.nii");
  write_file(
      folder / "participants.tsv",
      "participant_id\tage\tgroup\tcentre\nsub-01\t5\tcontrol\tA\nsub-02\t6\tcase\tB\nsub-03\t6\tcase\tB\n"
      "sub-04\t7\tn/a\tA\nsub-05\t7\tcase\tA\n");
  CHECK(data::is_bids(folder.string()));
  const auto m = data::manifest_of_bids(folder.string(), folder / "list.csv", {"group", "centre", "T1w"});
  CHECK(
      m.text ==
      "path,label,subject,site\nsub-01/anat/sub-01_T1w.nii.gz,control,sub-01,A\n"
      "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii,case,sub-02,B\nsub-02/ses-2/anat/sub-02_ses-2_T1w.nii,case,sub-02,B\n");
  CHECK(m.rows == 3);
  CHECK(m.notes == Names{"1 participants have no group or centre and were left out: sub-04",
                         "1 participants have no folder and were left out: sub-05",
                         "1 participants have no image *_T1w.nii or .nii.gz and were left out: sub-03",
                         "1 folders are of nobody in participants.tsv and were left out: sub-99"});
  CHECK(contains(
      message_of<DataError>([&] {
        data::manifest_of_bids(folder.string(), "m.csv", {"sex", "", "T1w"});
      }),
      "participants.tsv: has no column \"sex\"; its columns are participant_id, age, group, centre"));
}
