#include "data/file_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <utility>

#include "config/sections/data.hpp"
#include "data/image_file.hpp"
#include "data/memory_need.hpp"
#include "data/parallel.hpp"
#include "data/patients.hpp"
#include "data/source_checks.hpp"
#include "data/split.hpp"
#include "data/strata.hpp"
#include "data/unusable.hpp"

namespace afu::data {

namespace {

/// One image of a file.
struct Item {
  std::size_t row = 0;
  std::int64_t image = 0;  ///< which of the file's
};

/// What became of the images of all splits.
class Facts {
 public:
  void add(const Image& image, const std::string& file) {
    ++images_;
    colour_ += image.colour;
    turned_ += image.turned;
    mapped_ += image.mapped > 0;
    clipped_ += image.clipped;
    samples_ += image.mapped;
    not_square_ += image.height != image.width;
    fewest_ = images_ == 1 ? image.slices : std::min(fewest_, image.slices);
    most_ = std::max(most_, image.slices);
    if (image.warning.empty()) return;
    if (++odd_ == 1) first_odd_ = fmt::format("{}: {}", file, image.warning);
  }

  void tell(Source& source, const config::DataSection& section) const {
    const auto of = [&](std::int64_t n) { return fmt::format("{} of {} images", n, images_); };
    if (turned_ > 0) source.note(of(turned_) + " were turned upright, as their EXIF orientation says");
    if (mapped_ > 0)
      source.note(fmt::format(
          "{} have samples of more than 8 bits, signed ones or a window and were made 8-bit "
          "(data.intensity.mapping \"{}\"); {:.2f} % of their samples were outside and became black or "
          "white",
          of(mapped_), config::name_of(section.intensity.mapping),
          100 * static_cast<double>(clipped_) / static_cast<double>(std::max<std::int64_t>(1, samples_))));
    if (not_square_ > 0)
      source.note(fmt::format("{} are not square and were resized to {} x {} all the same", of(not_square_),
                              section.image_size, section.image_size));
    if (section.depth > 1 && (fewest_ != section.depth || most_ != section.depth))
      source.note(fmt::format("volumes have {}{} slices (data.slices.first, last) and were resized to {}",
                              fewest_, most_ > fewest_ ? fmt::format(" to {}", most_) : "", section.depth));
    const bool grey = section.channels == 1 && !section.as_rgb;
    if (grey && colour_ > 0)
      source.note(of(colour_) + " are stored in colour and were made grey (data.channels = 1)");
    if (!grey && colour_ > 0 && colour_ < images_)
      source.note(of(colour_) + " are stored in colour, the others in grey");
    if (odd_ > 0)
      source.note(
          fmt::format("{} have something odd that was passed over, the first is {}", of(odd_), first_odd_));
  }

 private:
  std::int64_t images_ = 0, colour_ = 0, turned_ = 0, mapped_ = 0, clipped_ = 0, samples_ = 0, odd_ = 0,
               not_square_ = 0, fewest_ = 0, most_ = 0;
  std::string first_odd_;
};

/// Reads one set.
class Loading {
 public:
  Loading(FileSet set, const config::DataSection& section, std::uint64_t seed, Source& source,
          ImageStore& store)
      : set_(std::move(set)),
        section_(section),
        seed_(seed),
        source_(source),
        store_(store),
        channels_(section.as_rgb ? 3 : section.channels),
        listed_(set_.rows.size() + set_.unusable.size()) {}

  void run() {
    const auto states = store_.off() ? "" : states_of_files();
    const auto key = store_.off() ? "" : image_key(facts_of_files() + states);
    const auto notes = source_.notes.size();
    if (!store_.off())
      if (auto kept = store_.find(key)) {
        for (auto& note : source_.notes)
          kept->notes.insert(kept->notes.begin() + (&note - source_.notes.data()), note);
        kept->name = source_.name;
        source_ = std::move(*kept);
        return;
      }
    look();
    name_subjects();
    list_items();
    auto parts = split();
    ImageCounts counts;
    counts.train = static_cast<std::int64_t>(parts.train.size());
    counts.val = static_cast<std::int64_t>(parts.val.size());
    counts.test = static_cast<std::int64_t>(parts.test.size());
    counts.image_bytes = channels_ * section_.depth * section_.image_size * section_.image_size;
    counts.backdoor = section_.backdoor.trigger != config::Trigger::none;
    images_ = counts.train + counts.val + counts.test;
    store_.begin(key, set_.where + "\n" + decoding_key(section_, seed_),
                 static_cast<std::uint64_t>(images_ * counts.image_bytes));
    counts.mapped = store_.in_file();
    require_memory(set_.where, counts, usable_memory());

    source_.class_names = set_.class_names;
    source_.site_names = set_.site_names;
    source_.train = decode(parts.train);
    source_.val = decode(parts.val);
    source_.test = decode(parts.test);
    tell_unusable(set_, listed_, section_.unusable_share, source_);
    facts_.tell(source_, section_);
    name_those_left();
    name_left_out();
    check_classes(source_, set_.where);
    const auto digests = image_digests(source_);
    check_splits(source_, digests);
    if (store_.in_file() && states_of_files() != states)
      throw DataError(set_.where + ": some of its files changed while they were read");
    store_.keep(source_, notes, pixels_checksum(digests));
  }

 private:
  const FileRow& row(std::size_t r) const { return set_.rows[r]; }

  /// What the set tells of each file.
  std::string facts_of_files() const {
    auto text = fmt::format("files {}\n{}{} {}\n{}\n{}\n", set_.where, decoding_key(section_, seed_),
                            set_.is_manifest, set_.tells_subjects, fmt::join(set_.class_names, "\n"),
                            fmt::join(set_.site_names, "\n"));
    for (const auto& [number, name] : set_.subject_names)
      text += fmt::format("subject {} {}\n", number, name);
    for (const auto& u : set_.unusable) text += fmt::format("unusable {} {}\n", u.line, u.text);
    for (const auto& r : set_.rows)
      text += fmt::format("{}\n{}\n{} {} {} {} {}\n", r.path, r.id, r.line, r.label, r.subject, r.site,
                          static_cast<int>(r.split));
    return text;
  }

  /// The state that each file is in, and the second one of a pair.
  std::string states_of_files() const {
    std::string text;
    for (const auto& r : set_.rows) {
      text += file_state(r.path) + "\n";
      if (const auto dot = r.path.rfind('.'); dot != std::string::npos && r.path.compare(dot, 4, ".hdr") == 0)
        for (const auto* end : {".img", ".img.gz"}) text += file_state(r.path.substr(0, dot) + end) + "\n";
    }
    return text;
  }

  void fault(std::size_t r, const std::string& why) {
    if (gone_[r]) return;  // told of another of its images
    const auto line = row(r).line;
    set_.unusable.push_back({line, line > 0 ? fmt::format("{}:{}: {}", set_.where, line, why) : why});
    gone_[r] = true;
  }

  /// How many images each file holds, and whose they are.
  void look() {
    gone_.assign(set_.rows.size(), false);
    looks_.resize(set_.rows.size());
    std::vector<std::string> faults(set_.rows.size());
    parallel_for(static_cast<std::int64_t>(set_.rows.size()), [&](std::int64_t i) {
      const auto r = static_cast<std::size_t>(i);
      try {
        looks_[r] = look_at_image(row(r).path, section_.slices, section_.depth > 1);
      } catch (const DataError& e) {
        faults[r] = e.what();
      }
    });
    for (std::size_t r = 0; r < faults.size(); ++r)
      if (!faults[r].empty()) fault(r, faults[r]);
  }

  /// By DICOM's PatientID, where the set does not tell it.
  void name_subjects() {
    if (set_.tells_subjects) return;
    Patients patients(section_);
    const bool any =
        std::any_of(looks_.begin(), looks_.end(), [](const ImageLook& l) { return !l.patient.empty(); });
    if (!any) return;
    // Numbers of two origins would meet: all are given anew, in the order of the files.
    std::map<std::string, std::int64_t> number_of;
    std::map<std::int64_t, std::string> names;
    for (std::size_t r = 0; r < set_.rows.size(); ++r) {
      auto& subject = set_.rows[r].subject;
      std::string name;
      if (!looks_[r].patient.empty())
        name = patients.name_of(looks_[r].patient);
      else if (subject >= 0)
        name = set_.subject_names.at(subject);
      else
        continue;
      subject = number_of.try_emplace(name, static_cast<std::int64_t>(number_of.size())).first->second;
      names[subject] = name;
    }
    set_.subject_names = std::move(names);
    by_patient_id_ = true;
  }

  void list_items() {
    bool several = false, unknown = false;
    for (std::size_t r = 0; r < set_.rows.size(); ++r) {
      if (gone_[r]) continue;
      several = several || looks_[r].images > 1;
      unknown = unknown || row(r).subject < 0;
      for (std::int64_t i = 0; i < looks_[r].images; ++i) items_.push_back({r, i});
    }
    const bool none =
        std::all_of(set_.rows.begin(), set_.rows.end(), [](const FileRow& f) { return f.subject < 0; });
    if (several && none && !items_.empty()) {
      // Neighbouring slices in two splits would make every figure too good.
      for (std::size_t r = 0; r < set_.rows.size(); ++r) {
        set_.rows[r].subject = static_cast<std::int64_t>(r);
        set_.subject_names[static_cast<std::int64_t>(r)] = row(r).path.substr(row(r).path.rfind('/') + 1);
      }
      source_.note("no subject is told: each file, with all its slices, counts as one");
      unknown = false;
    }
    known_ = !unknown;
    if (unknown) partly_known(none);
  }

  /// Files of both kinds are refused where the split is to be by subject: images of one patient could come to train and to
  /// test.
  void partly_known(bool none) {
    std::int64_t strays = 0, all = 0;
    const FileRow* first = nullptr;
    for (std::size_t r = 0; r < set_.rows.size(); ++r) {
      if (gone_[r]) continue;
      ++all;
      if (row(r).subject >= 0) continue;
      ++strays;
      if (!first) first = &row(r);
    }
    const bool drawn = std::any_of(set_.rows.begin(), set_.rows.end(),
                                   [](const FileRow& f) { return f.split == Split::drawn; });
    if (none) {
      if (section_.split_by_subject && drawn)
        source_.note(
            set_.is_manifest
                ? fmt::format(
                      "the manifest tells no subject (it has no column {:?}, data.columns.subject): train, "
                      "validation and test may share patients",
                      section_.columns.subject)
                : fmt::format(
                      "no file name tells a subject (the pattern is {}): train, validation and test may "
                      "share patients. Rename the files, or give subjects in a manifest or an .npz file "
                      "(configs/your_images.md)",
                      subject_pattern));
    } else {
      const auto what = fmt::format("{} of {} {} tell no subject (the first is {}), the others do", strays,
                                    all, by_patient_id_ ? "files" : "file names", first->path);
      if (section_.split_by_subject && drawn)
        throw DataError(fmt::format(
            "{}: {}: images of one patient could come to train and to test. {} Rename these files or take "
            "them away, or set data.split_by_subject = false",
            set_.where, what,
            by_patient_id_ ? std::string("DICOM tells it by its PatientID.")
                           : fmt::format("The pattern is {}.", subject_pattern)));
      source_.note(what + ": none is used");
    }
    for (auto& r : set_.rows) r.subject = -1;
    set_.subject_names.clear();
  }

  SplitRows split() const {
    std::vector<std::int64_t> labels, subjects;
    for (const auto& item : items_) {
      labels.push_back(row(item.row).label);
      if (known_ && section_.split_by_subject) subjects.push_back(row(item.row).subject);
    }
    labels = strata(labels, set_.label_bits);
    SplitRows parts;
    const bool drawn = std::any_of(set_.rows.begin(), set_.rows.end(),
                                   [](const FileRow& f) { return f.split == Split::drawn; });
    if (drawn) {
      parts = split_rows(labels, subjects, section_.val_fraction, section_.test_fraction, seed_);
    } else {
      for (std::size_t i = 0; i < items_.size(); ++i) {
        const auto to = row(items_[i].row).split;
        (to == Split::train ? parts.train
         : to == Split::val ? parts.val
                            : parts.test)
            .push_back(static_cast<std::int64_t>(i));
      }
    }
    parts.train = limited_rows(parts.train, labels, section_.limit, seed_);
    return parts;
  }

  Images decode(const Indices& chosen) {
    Images out;
    out.channels = channels_;
    out.height = out.width = section_.image_size;
    out.depth = section_.depth;
    out.label_bits = set_.label_bits;
    const auto bytes = static_cast<std::size_t>(out.image_bytes());
    out.pixels = store_.take(chosen.size() * bytes);
    // The images of a file stand together: it is decoded once.
    std::vector<std::size_t> begins;
    const auto item = [&](std::size_t i) -> const Item& {
      return items_[static_cast<std::size_t>(chosen[i])];
    };
    for (std::size_t i = 0; i < chosen.size(); ++i)
      if (i == 0 || item(i).row != item(i - 1).row) begins.push_back(i);
    begins.push_back(chosen.size());
    const auto files = begins.size() - 1;
    std::vector<Image> read(chosen.size());
    std::vector<std::string> faults(files);
    const ReadAs as{channels_, section_.image_size, section_.intensity, section_.slices, section_.depth};
    parallel_for(static_cast<std::int64_t>(files), [&](std::int64_t f) {
      const auto from = begins[static_cast<std::size_t>(f)], to = begins[static_cast<std::size_t>(f) + 1];
      const auto& file = row(item(from).row).path;
      try {
        auto images = read_images(file, as);
        const auto expected = looks_[item(from).row].images;
        if (static_cast<std::int64_t>(images.size()) != expected)
          throw DataError(
              fmt::format("{}: holds {} images, but its header told {}", file, images.size(), expected));
        for (auto i = from; i < to; ++i) {
          auto& image = images[static_cast<std::size_t>(item(i).image)];
          std::copy(image.pixels.begin(), image.pixels.end(),
                    out.pixels.begin() + static_cast<std::ptrdiff_t>(i * bytes));
          image.pixels = {};
          read[i] = std::move(image);
        }
      } catch (const DataError& e) {
        faults[static_cast<std::size_t>(f)] = e.what();
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ += static_cast<std::int64_t>(to - from);
      store_.progress(done_, images_);
    });
    std::size_t kept = 0;
    for (std::size_t f = 0; f < files; ++f) {
      const auto r = item(begins[f]).row;
      if (!faults[f].empty()) {
        fault(r, faults[f]);
        continue;
      }
      for (auto i = begins[f]; i < begins[f + 1]; ++i, ++kept) {
        facts_.add(read[i], row(r).path);
        out.labels.push_back(row(r).label);
        if (known_) out.subjects.push_back(row(r).subject);
        out.ids.push_back(row(r).id);
        if (row(r).site >= 0) out.sites.push_back(row(r).site);
        if (kept < i)
          std::copy_n(out.pixels.begin() + static_cast<std::ptrdiff_t>(i * bytes), bytes,
                      out.pixels.begin() + static_cast<std::ptrdiff_t>(kept * bytes));
      }
    }
    out.pixels.resize(kept * bytes);
    store_.shrink_last(kept * bytes);
    return out;
  }

  void name_those_left() {
    for (const auto* images : {&source_.train, &source_.val, &source_.test})
      for (auto s : images->subjects)
        if (const auto name = set_.subject_names.find(s); name != set_.subject_names.end())
          source_.subject_names.insert(*name);
  }

  /// Listed files of which no image is in a split.
  void name_left_out() {
    std::set<std::string> used;
    for (const auto* images : {&source_.train, &source_.val, &source_.test})
      used.insert(images->ids.begin(), images->ids.end());
    std::set<std::string> left;
    for (const auto& r : set_.rows)
      if (!used.count(r.id)) left.insert(r.id);
    source_.ids_left_out.assign(left.begin(), left.end());
  }

  FileSet set_;
  const config::DataSection& section_;
  std::uint64_t seed_;
  Source& source_;
  ImageStore& store_;
  std::int64_t channels_;
  std::size_t listed_;
  std::vector<bool> gone_;
  std::vector<ImageLook> looks_;
  std::vector<Item> items_;
  bool known_ = false, by_patient_id_ = false;
  Facts facts_;
  std::int64_t images_ = 0, done_ = 0;
  std::mutex mutex_;
};

}  // namespace

void load_files(FileSet set, const config::DataSection& section, std::uint64_t seed, Source& source,
                ImageStore& store) {
  Loading(std::move(set), section, seed, source, store).run();
}

}  // namespace afu::data
