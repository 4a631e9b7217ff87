#include "data/image_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "data/dataset.hpp"
#include "data/input_file.hpp"
#include "tests/data/image_files.hpp"

using namespace afu;
using namespace afu::test;
using data::DataError;
using Bytes = std::vector<std::uint8_t>;

namespace {

std::string refusal(const std::string& path, std::int64_t channels = 1, std::int64_t side = 8) {
  return message_of<DataError>([&] { data::read_image(path, channels, side); });
}

/// 12 x 12: its upper left quarter is dark, the rest bright; `orientation` stores it otherwise.
Bytes corner() {
  Bytes pixels(144, 220);
  for (std::size_t y = 0; y < 6; ++y)
    for (std::size_t x = 0; x < 6; ++x) pixels[y * 12 + x] = 20;
  return pixels;
}

std::string chunk(const std::string& type, const std::string& body) {
  const auto number = [](std::uint32_t v) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xFF);
    return out;
  };
  const auto text = type + body;
  return number(static_cast<std::uint32_t>(body.size())) + text +
         number(static_cast<std::uint32_t>(
             crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()))));
}

std::string header_chunk(std::uint32_t width, std::uint32_t height) {
  std::string body;
  for (const auto v : {width, height})
    for (int shift = 24; shift >= 0; shift -= 8) body += static_cast<char>(v >> shift & 0xFF);
  return chunk("IHDR", body + std::string("\x08\x00\x00\x00\x00", 5));
}

std::string deflated(const std::string& bytes) {
  std::string out(compressBound(static_cast<uLong>(bytes.size())), '\0');
  auto size = static_cast<uLongf>(out.size());
  REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                    static_cast<uLong>(bytes.size()), 9) == Z_OK);
  out.resize(size);
  return out;
}

const std::string png_mark = "\x89PNG\r\n\x1a\n";

}  // namespace

TEST_CASE("colour and grey, as asked") {
  TempFolder folder;
  Bytes rgb;
  for (int p = 0; p < 64; ++p) rgb.insert(rgb.end(), {255, 0, 100});
  PngForm colour;
  colour.type = PNG_COLOR_TYPE_RGB;
  write_png(folder / "c.png", 8, 8, rgb, colour);
  const auto image = data::read_image(folder / "c.png", 3, 8);
  CHECK(image.colour);
  CHECK(image.pixels[0] == 255);
  CHECK(image.pixels[64] == 0);
  CHECK(image.pixels[128] == 100);
  CHECK(data::read_image(folder / "c.png", 1, 8).pixels == Bytes(64, (77 * 255 + 29 * 100) >> 8));
  write_flat_png(folder / "g.png", 77);
  const auto grey = data::read_image(folder / "g.png", 3, 4);
  CHECK_FALSE(grey.colour);
  CHECK(grey.pixels == Bytes(48, 77));
}

TEST_CASE("every form of PNG gives the same pixels") {
  TempFolder folder;
  Bytes ramp(64);
  std::iota(ramp.begin(), ramp.end(), std::uint8_t{100});
  const auto read = [&](const Bytes& rows, const PngForm& form) {
    write_png(folder / "x.png", 8, 8, rows, form);
    return data::read_image(folder / "x.png", 1, 8).pixels;
  };
  PngForm form;
  CHECK(read(ramp, form) == ramp);
  form.interlaced = true;
  CHECK(read(ramp, form) == ramp);

  PngForm bits;
  bits.depth = 1;
  const auto black_and_white = read(Bytes{0x80, 0, 0, 0, 0, 0, 0, 1}, bits);
  CHECK(black_and_white[0] == 255);
  CHECK(black_and_white[1] == 0);
  CHECK(black_and_white[63] == 255);
  bits.depth = 4;
  CHECK(read(Bytes(32, 0x3F), bits)[0] == 0x33);

  PngForm palette;
  palette.type = PNG_COLOR_TYPE_PALETTE;
  palette.palette = {{9, 9, 9}, {200, 200, 200}};
  Bytes indices(64, 1);
  indices[0] = 0;
  auto expected = Bytes(64, 200);
  expected[0] = 9;
  CHECK(read(indices, palette) == expected);
  palette.palette_alpha = {255, 255};
  CHECK(read(indices, palette) == expected);
}

TEST_CASE("transparency is refused where it hides something") {
  TempFolder folder;
  PngForm form;
  form.type = PNG_COLOR_TYPE_GRAY_ALPHA;
  Bytes rows;
  for (int p = 0; p < 64; ++p) rows.insert(rows.end(), {50, 255});
  write_png(folder / "opaque.png", 8, 8, rows, form);
  CHECK(data::read_image(folder / "opaque.png", 1, 8).pixels == Bytes(64, 50));
  rows[21] = 254;
  write_png(folder / "hole.png", 8, 8, rows, form);
  CHECK(contains(refusal(folder / "hole.png"), "hole.png: not a readable image: transparent"));
  form.type = PNG_COLOR_TYPE_PALETTE;
  form.palette = {{9, 9, 9}, {200, 200, 200}};
  form.palette_alpha = {0};
  write_png(folder / "palette.png", 8, 8, Bytes(64, 1), form);
  CHECK(data::read_image(folder / "palette.png", 1, 8).pixels == Bytes(64, 200));
  write_png(folder / "palette.png", 8, 8, Bytes(64, 0), form);
  CHECK(contains(refusal(folder / "palette.png"), "transparent"));
}

TEST_CASE("16-bit PNG is refused with its range, unless its samples are 8-bit ones repeated") {
  TempFolder folder;
  PngForm form;
  form.depth = 16;
  Bytes repeated, small;
  for (std::uint8_t p = 0; p < 64; ++p) {
    repeated.insert(repeated.end(), {p, p});
    small.insert(small.end(), {0, static_cast<std::uint8_t>(10 + p)});
  }
  write_png(folder / "repeated.png", 8, 8, repeated, form);
  Bytes ramp(64);
  std::iota(ramp.begin(), ramp.end(), std::uint8_t{0});
  CHECK(data::read_image(folder / "repeated.png", 1, 8).pixels == ramp);
  write_png(folder / "small.png", 8, 8, small, form);
  CHECK(contains(refusal(folder / "small.png"),
                 "small.png: not a readable image: 16 bits a sample, with values from 10 to 73"));
}

TEST_CASE("all eight orientations of EXIF come upright, from JPEG and PNG") {
  TempFolder folder;
  // The dark corner as it is stored, for each orientation: where the upright image's upper left lies.
  const std::pair<std::size_t, std::size_t> stored[] = {{0, 0}, {0, 1}, {1, 1}, {1, 0},
                                                        {0, 0}, {1, 0}, {1, 1}, {0, 1}};
  for (int o = 1; o <= 8; ++o) {
    CAPTURE(o);
    Bytes pixels(144, 220);
    const auto [row, column] = stored[o - 1];
    for (std::size_t y = 0; y < 6; ++y)
      for (std::size_t x = 0; x < 6; ++x) pixels[(y + 6 * row) * 12 + x + 6 * column] = 20;
    PngForm png;
    png.exif = exif_with(o, o % 2 == 0);
    write_png(folder / "o.png", 12, 12, pixels, png);
    const auto a = data::read_image(folder / "o.png", 1, 12);
    CHECK(a.pixels == corner());
    CHECK(a.turned == (o != 1));
    CHECK(a.warning.empty());
    JpegForm jpeg;
    jpeg.app1 = std::string("Exif\0\0", 6) + png.exif;
    write_jpeg(folder / "o.jpg", 12, 12, pixels, jpeg);
    const auto b = data::read_image(folder / "o.jpg", 1, 12);
    for (std::size_t p = 0; p < 144; ++p) CHECK(std::abs(b.pixels[p] - corner()[p]) <= 8);
  }
}

TEST_CASE("mirroring and turning are told apart on an image that is not square") {
  TempFolder folder;
  Bytes stored(128);
  std::iota(stored.begin(), stored.end(), std::uint8_t{0});  // 8 rows of 16
  PngForm form;
  for (int o = 1; o <= 8; ++o) {
    CAPTURE(o);
    form.exif = exif_with(o);
    write_png(folder / "o.png", 16, 8, stored, form);
    const auto image = data::read_image(folder / "o.png", 1, 8);
    CHECK(image.width == (o < 5 ? 16 : 8));
    CHECK(image.height == (o < 5 ? 8 : 16));
    // The upper left and the lower right pixels of the upright image, as EXIF's table has them.
    const int first[] = {0, 15, 127, 112, 0, 112, 127, 15}, last[] = {127, 112, 0, 15, 127, 15, 0, 112};
    CHECK(std::abs(image.pixels.front() - first[o - 1]) <= 8);
    CHECK(std::abs(image.pixels.back() - last[o - 1]) <= 8);
  }
}

TEST_CASE("an EXIF block that is damaged or odd is told, and the image taken as it is stored") {
  TempFolder folder;
  const auto warning = [&](const std::string& exif) {
    JpegForm form;
    form.app1 = std::string("Exif\0\0", 6) + exif;
    write_jpeg(folder / "e.jpg", 8, 8, Bytes(64, 100), form);
    const auto image = data::read_image(folder / "e.jpg", 1, 8);
    CHECK_FALSE(image.turned);
    return image.warning;
  };
  CHECK(warning(exif_with(0)).empty());
  CHECK(contains(warning(exif_with(9)), "orientation is 9, allowed 1 to 8"));
  CHECK(contains(warning("no EXIF"), "damaged"));
  CHECK(contains(warning(exif_with(6).substr(0, 15)), "damaged"));
  CHECK(contains(warning(""), "damaged"));
  auto wrong_type = exif_with(6);
  wrong_type[12] = 4;
  CHECK(contains(warning(wrong_type), "wrong type"));
  auto far = exif_with(6);
  far[7] = '\xFF';  // the directory lies beyond the block
  CHECK(contains(warning(far), "damaged"));
}

TEST_CASE("JPEG is read in colour, grey and progressive; CMYK is refused") {
  TempFolder folder;
  Bytes rgb;
  for (int p = 0; p < 256; ++p) rgb.insert(rgb.end(), {200, 40, 90});
  JpegForm form;
  form.space = JCS_RGB;
  for (const bool progressive : {false, true}) {
    form.progressive = progressive;
    write_jpeg(folder / "c.jpg", 16, 16, rgb, form);
    const auto colour = data::read_image(folder / "c.jpg", 3, 16);
    CHECK(colour.colour);
    CHECK(std::abs(colour.pixels[0] - 200) <= 3);
    CHECK(std::abs(colour.pixels[256] - 40) <= 3);
    CHECK(std::abs(colour.pixels[512] - 90) <= 3);
    CHECK(std::abs(data::read_image(folder / "c.jpg", 1, 16).pixels[0] - 94) <= 2);
  }
  form = {};
  form.space = JCS_CMYK;
  write_jpeg(folder / "k.jpg", 8, 8, Bytes(256, 3), form);
  CHECK(contains(refusal(folder / "k.jpg"), "k.jpg: not a readable image: CMYK"));
}

TEST_CASE("a damaged or cut file is refused, never filled up") {
  TempFolder folder;
  Bytes noise(4096);
  for (std::size_t p = 0; p < noise.size(); ++p) noise[p] = static_cast<std::uint8_t>(p * p * 7 >> 3);
  write_jpeg(folder / "n.jpg", 64, 64, noise);
  write_png(folder / "n.png", 64, 64, noise);
  for (const char* name : {"n.jpg", "n.png"}) {
    const auto whole = file_bytes(folder / name);
    for (const double part : {0.1, 0.5, 0.9, 0.999}) {
      write_file(folder / name,
                 whole.substr(0, static_cast<std::size_t>(part * static_cast<double>(whole.size()))));
      CHECK(contains(refusal(folder / name), "not a readable image"));
    }
    auto flipped = whole;
    flipped[whole.size() / 2] = static_cast<char>(~flipped[whole.size() / 2]);
    write_file(folder / name, flipped);
    if (std::string(name) == "n.png") CHECK(contains(refusal(folder / name), "not a readable"));
    write_file(folder / name, whole);
    CHECK(data::read_image(folder / name, 1, 64).warning.empty());
  }
}

TEST_CASE("a Huffman table of 765 symbols is refused") {
  TempFolder folder;
  write_jpeg(folder / "x.jpg", 8, 8, Bytes(64, 3));
  auto bytes = file_bytes(folder / "x.jpg");
  const auto at = bytes.find("\xFF\xC4");
  REQUIRE(at != std::string::npos);
  // Three code lengths with 255 codes each, where a table holds 256 symbols.
  std::string table("\xFF\xC4\x03\x10\x00", 5);
  table += std::string(13, '\0') + std::string(3, '\xFF') + std::string(765, '\x41');
  write_file(folder / "x.jpg", bytes.substr(0, at) + table + bytes.substr(at));
  CHECK(contains(refusal(folder / "x.jpg"), "x.jpg: not a readable image: "));
}

TEST_CASE("what an image may ask of memory is bounded") {
  TempFolder folder;
  // 8 x 8 pixels, and 64 MB of zeros behind them in the same stream.
  std::string rows(72, '\0');
  const auto bomb = deflated(rows + std::string(64 << 20, '\0'));
  write_file(folder / "bomb.png", png_mark + header_chunk(8, 8) + chunk("IDAT", bomb) + chunk("IEND", ""));
  CHECK(contains(data::read_image(folder / "bomb.png", 1, 8).warning, "data"));
  write_file(folder / "text.png", png_mark + header_chunk(8, 8) +
                                      chunk("zTXt", std::string("k\0\0", 3) + bomb) +
                                      chunk("IDAT", deflated(rows)) + chunk("IEND", ""));
  CHECK(data::read_image(folder / "text.png", 1, 8).warning.empty());
  for (const auto& [width, height] : {std::pair{16385u, 1u}, {1u, 16385u}, {16384u, 16384u}, {8u, 0u}}) {
    write_file(folder / "large.png",
               png_mark + header_chunk(width, height) + chunk("IDAT", deflated(rows)) + chunk("IEND", ""));
    CHECK(contains(refusal(folder / "large.png"), "large.png: not a readable image"));
  }
  write_jpeg(folder / "large.jpg", 8, 8, Bytes(64, 3));
  auto bytes = file_bytes(folder / "large.jpg");
  const auto frame = bytes.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  for (std::size_t i = 5; i < 9; ++i) bytes[frame + i] = '\x3F';
  write_file(folder / "large.jpg", bytes);
  CHECK(contains(refusal(folder / "large.jpg"), "16191 x 16191 pixels, allowed at most 16384 a side"));
}

TEST_CASE("a JPEG of more than a hundred scans is refused") {
  TempFolder folder;
  JpegForm form;
  form.space = JCS_RGB;
  form.scan_each = true;
  write_jpeg(folder / "s.jpg", 8, 8, Bytes(192, 90), form);
  const auto bytes = file_bytes(folder / "s.jpg");
  const auto last = bytes.rfind("\xFF\xDA");
  REQUIRE(last != std::string::npos);
  const auto scan = bytes.substr(last, bytes.size() - 2 - last);
  const auto with = [&](int more) {
    auto longer = bytes.substr(0, bytes.size() - 2);
    for (int i = 0; i < more; ++i) longer += scan;
    write_file(folder / "s.jpg", longer + "\xFF\xD9");
  };
  with(90);
  CHECK(std::abs(data::read_image(folder / "s.jpg", 3, 8).pixels[0] - 90) <= 2);
  with(100);
  CHECK(contains(refusal(folder / "s.jpg", 3), "more scans than an image of its size may have"));
}

TEST_CASE("what is neither JPEG nor PNG is called by its format") {
  TempFolder folder;
  const auto what = [&](const std::string& bytes) {
    write_file(folder / "a.jpg", bytes);
    return refusal(folder / "a.jpg");
  };
  CHECK(contains(what("GIF89a"), "by its first bytes it is GIF"));
  CHECK(contains(what(std::string("\0\0\0\x0cjP  ", 8)), "it is JPEG 2000"));
  CHECK(contains(what("\x1f\x8b and what it packs"), "it is gzip"));
  CHECK(contains(what("<html>"), "its first bytes are those of no format that is read"));
  CHECK(contains(what(""), "it is empty"));
  // Of formats that are read, by whatever name.
  CHECK(contains(what(std::string("II*\0", 4) + "1234"), "not a readable image: "));
  CHECK(contains(what("RIFF1234WEBPVP8 "), "its WebP header is damaged"));
  CHECK(contains(what(std::string(128, '\0') + "DICM"), "not a readable image: "));
  for (const char* name :
       {"a.jpg", "b.JPEG", "c.Png", "d.jfif", "a.tif", "b.WEBP", "c.nii.gz", "d.dcm", "e.hdr"}) {
    CHECK(data::is_image_name(name));
    CHECK_FALSE(data::is_other_image_name(name));
  }
  for (const char* name : {"a.mha", "b.JP2", "c.nrrd", "d.gif"}) {
    CHECK(data::is_other_image_name(name));
    CHECK_FALSE(data::is_image_name(name));
  }
  CHECK_FALSE(data::is_other_image_name("notes.txt"));
  CHECK(data::is_second_file("scan.img"));
}

TEST_CASE("only regular files are read, and not beyond the limit") {
  TempFolder folder;
  REQUIRE(::mkfifo((folder / "fifo.png").c_str(), 0600) == 0);
  CHECK(contains(refusal(folder / "fifo.png"), "fifo.png: a FIFO, a regular file is expected"));
  CHECK(contains(refusal("/dev/zero"), "/dev/zero: a device, a regular file is expected"));
  CHECK(contains(refusal(folder.string()), "a folder, a regular file is expected"));
  CHECK(contains(refusal(folder / "none.png"), "none.png: cannot be opened: No such file"));
  write_file(folder / "ten", "0123456789");
  CHECK(data::read_regular_file(folder / "ten", 10).size() == 10);
  CHECK(contains(message_of<DataError>([&] { data::read_regular_file(folder / "ten", 9); }),
                 "ten: holds more than 9 bytes"));
}

TEST_CASE("resizing keeps flat images flat, averages what it shrinks, and interpolates what it grows") {
  CHECK(data::resize_plane(std::vector<std::uint8_t>(35, 9), 5, 7, 13, 3) ==
        std::vector<std::uint8_t>(39, 9));
  // A checkerboard of single pixels shrinks to its mean, nowhere to its extremes.
  std::vector<std::uint8_t> board;
  for (int p = 0; p < 64; ++p) board.push_back((p / 8 + p) % 2 ? 200 : 0);
  for (auto v : data::resize_plane(board, 8, 8, 2, 2)) CHECK(std::abs(v - 100) <= 8);
  const auto wide = data::resize_plane({0, 100}, 1, 2, 1, 4);
  CHECK(wide == std::vector<std::uint8_t>{0, 25, 75, 100});
}
