/// The verbs that only look: check, data, methods, reference.
#include <filesystem>
#include <memory>

#include "base/output_file.hpp"
#include "cli/loading.hpp"
#include "cli/scenario_options.hpp"
#include "cli/terminal.hpp"
#include "cli/verb.hpp"
#include "config/ineffective.hpp"
#include "config/loader.hpp"
#include "config/text.hpp"
#include "config/writer.hpp"
#include "data/describe.hpp"
#include "data/federated.hpp"
#include "data/image_folder.hpp"
#include "data/manifest.hpp"
#include "data/medmnist.hpp"
#include "data/memory_need.hpp"
#include "data/named_samples.hpp"
#include "data/preview.hpp"
#include "data/source_checks.hpp"
#include "data/write_manifest.hpp"
#include "federate/holdings.hpp"
#include "methods/registry.hpp"
#include "sim/availability.hpp"
#include "sim/links.hpp"
#include "sim/profile.hpp"

namespace afu::cli {
namespace {

/// What a run would draw from traces and distributions before it begins. Throws InputError.
void check_files(const config::Scenario& s) {
  from_input([&] {
    const sim::Profiles profiles(s.heterogeneity, s.scenario.seed, s.partition.clients, s.file);
    const sim::Links network(profiles, s.heterogeneity.network, s.scenario.seed, s.file);
    const sim::Availability availability(s.heterogeneity.availability, s.scenario.seed, s.partition.clients,
                                         s.file);
    return 0;
  });
}

int check(const std::shared_ptr<const config::Scenario>& scenario) {
  data::check_memory(*scenario, data::usable_memory());
  check_files(config::with_absolute_paths(*scenario));
  for (const auto& note : scenario->notes) tell("afu: warning: {}\n", note.line());
  for (const auto& line : config::ineffective(*scenario, methods::method_sections()))
    tell("afu: warning: {}\n", line);
  for (const auto& warning : federate::gather(scenario, loading_lines()).warnings)
    tell("afu: warning: {}\n", warning);
  print("{}", config::to_toml(*scenario, methods::method_sections()));
  return 0;
}

/// Where a data set lies: found as a scenario's data.path is, from the working directory.
std::string found(const std::string& path) {
  try {
    return config::resolve_data_path(path, {});
  } catch (const std::exception& e) {
    throw UsageError(e.what());
  }
}

struct DataOptions {
  std::string path;
  std::vector<std::string> overrides;
  bool write = false;
  std::string output = "manifest.csv";
  data::BidsRequest bids;
  std::string preview;
  bool clear_cache = false;
};

bool has_ending(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

data::Source source_at(const std::string& path) {
  const auto source = data::source_of(path);
  if (source == config::DataSource::image_folder)
    return data::load_image_folder(path, config::DataSection{}, 1);
  if (source == config::DataSource::manifest) return data::load_manifest(path, config::DataSection{}, 1);
  return data::load_medmnist(path);
}

/// To be called before anything is read.
void refuse_existing(const std::string& file, const char* option) {
  std::error_code ec;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ec)))
    throw UsageError(fmt::format("{}: is there already; {} names another file", file, option));
}

void write_preview(const DataOptions& o, const data::Source& source) {
  if (o.preview.empty()) return;
  const auto preview = data::preview_of(source);
  data::write_preview(preview, o.preview);
  print("\npreview    {}\n{}", config::printable(o.preview, true), data::preview_text(preview, source));
}

bool is_scenario(const DataOptions& o) { return has_ending(o.path, ".toml"); }

int clear_cache(const DataOptions& o) {
  const auto setting = is_scenario(o) ? ScenarioOptions{o.path, o.overrides}.load().data.cache : "auto";
  if (!o.path.empty() && !is_scenario(o))
    throw UsageError(o.path +
                     ": --clear-cache goes with a scenario (.toml), whose data.cache it empties, or alone");
  const auto folder = data::cache_folder(setting);
  if (!folder) throw UsageError("data.cache: there is no folder of decoded images to empty");
  const auto bytes = data::clear_cache(*folder);
  print("{}: {} removed\n", config::printable(folder->string(), true), data::bytes_text(bytes));
  return 0;
}

int write_manifest(const DataOptions& o, const std::string& folder) {
  if (!std::filesystem::is_directory(folder))
    throw UsageError(o.path + ": no folder, a manifest is made of one");
  refuse_existing(o.output, "-o");
  const bool bids = data::is_bids(folder);
  if (bids && o.bids.label.empty())
    throw UsageError(o.path +
                     ": a BIDS tree, --label is to name the column of participants.tsv with the classes");
  if (!bids && !(o.bids.label.empty() && o.bids.site.empty()))
    throw UsageError(o.path + ": has no participants.tsv, which --label and --site are for");
  const auto manifest =
      bids ? data::manifest_of_bids(folder, o.output, o.bids) : data::manifest_of_classes(folder, o.output);
  base::write_whole(o.output, manifest.text);
  for (const auto& note : manifest.notes) tell("afu: warning: {}\n", note);
  print("{}: {} rows\n", o.output, manifest.rows);
  return 0;
}

}  // namespace

std::function<int()> declare_check(CLI::App& app) {
  auto o = std::make_shared<ScenarioOptions>();
  o->declare(app);
  return [o] {
    const auto scenario = std::make_shared<const config::Scenario>(o->load());
    return at_its_place(*o, [&] { return check(scenario); });
  };
}

std::function<int()> declare_reference(CLI::App&) {
  return [] {
    print("{}", config::reference_toml(methods::method_sections()));
    return 0;
  };
}

std::function<int()> declare_methods(CLI::App&) {
  return [] {
    for (const auto& m : methods::methods()) {
      std::string forms;
      for (auto c : m.traits.coordinations) {
        forms += std::string(forms.empty() ? "" : ", ") + methods::to_string(c);
        if (c == m.traits.default_coordination) forms += " (default)";
      }
      std::string scopes;
      for (auto s : methods::scopes_of(m))
        scopes += std::string(scopes.empty() ? "" : ", ") + config::name_of(s);
      print("{:<16} {}\n{:<16} coordination: {}; scopes: {}\n", m.name, m.help, "", forms, scopes);
      for (const auto& [scope, why] : m.traits.refusals)
        print("{:<16} not {}: {}\n", "", config::name_of(scope), why);
      if (!m.one_class.empty()) print("{:<16} not images with any number of labels: {}\n", "", m.one_class);
    }
    return 0;
  };
}

std::function<int()> declare_data(CLI::App& app) {
  auto o = std::make_shared<DataOptions>();
  app.add_option(
      "path", o->path,
      "An .npz file, a folder of class folders or a manifest (.csv, .tsv), also in $AFU_DATA_DIR, or a scenario "
      "(.toml)");
  app.add_option("--set", o->overrides, "Override a key of the scenario")
      ->take_all()
      ->allow_extra_args(false);
  auto* write = app.add_flag("--write-manifest", o->write,
                             "Write a manifest of the folder: class folders, or a BIDS tree");
  app.add_option("-o,--output", o->output, "The manifest's file; default manifest.csv")->needs(write);
  app.add_option("--label", o->bids.label, "BIDS: the column of participants.tsv with the classes")
      ->needs(write);
  app.add_option("--site", o->bids.site, "BIDS: the column of participants.tsv with the sites")->needs(write);
  app.add_option("--suffix", o->bids.suffix, "BIDS: which images, by the end of their names; default T1w")
      ->needs(write);
  auto* preview = app.add_option("--preview", o->preview, "Write a PNG file with a few images of each class")
                      ->excludes(write);
  app.add_flag(
         "--clear-cache", o->clear_cache,
         "Remove the decoded images that runs have kept: those of the scenario's data.cache, or without a path those "
         "of the default folder")
      ->excludes(write)
      ->excludes(preview);
  return [o] {
    if (o->clear_cache) return clear_cache(*o);
    if (o->path.empty()) throw UsageError("path is required: a file, a folder, a manifest or a scenario");
    if (!o->preview.empty()) refuse_existing(o->preview, "--preview");
    if (is_scenario(*o) && !o->write) {
      ScenarioOptions options{o->path, o->overrides};
      const auto scenario = options.load();
      return at_its_place(options, [&] {
        const auto source =
            data::load_source(scenario.data, scenario.scenario.seed, scenario.file, loading_lines());
        std::vector<std::string> notes;
        const auto named =
            data::name_requests(source, std::make_shared<const config::Scenario>(scenario), notes);
        for (const auto& note : notes) tell("afu: warning: {}\n", note);
        print("{}\n{}", data::describe_source(source),
              data::describe_federation(data::federate(source, *named), *named));
        write_preview(*o, source);
        return 0;
      });
    }
    if (!o->overrides.empty()) throw UsageError("--set goes with a scenario, not with " + o->path);
    const auto path = found(o->path);
    if (o->write) return write_manifest(*o, path);
    const auto source = source_at(path);
    print("{}", data::describe_source(source));
    write_preview(*o, source);
    return 0;
  };
}

}  // namespace afu::cli
