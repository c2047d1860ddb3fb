// SPDX-License-Identifier: MIT

#include <lift/io/dataset.hpp>
#include <lift/io/emoji.hpp>
#include <lift/io/image_index_file.hpp>

#include "commands.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "report.hpp"

namespace lift::cli {
namespace {

struct emoji_settings : session {
  path output, font = default_emoji_font;
  image_size size = 64;
  std::size_t max_images = 0;
};

void make_emoji(const emoji_settings& s) {
  interruption::install();
  output_file output(s.output);
  remark(s, "Rendering ", s.font.string(), " to ", s.size.width, "×", s.size.height, " pixels");
  const std::size_t most = s.max_images > 0 ? s.max_images : std::size_t(-1);
  const std::vector<named_image> images =
      interruptible([&] { return render_emoji(s.size, s.font, most); });
  require(!images.empty(), text("colour glyphs of ", s.font.string()), 0, "at least 1");
  save_dataset_zip(std::move(output), images);
  report(s, {{"output", path_text(s.output)}, {"images", images.size()}, {"size", s.size}});
}

struct index_settings : session {
  path data, output;
};

void make_index(const index_settings& s) {
  interruption::install();
  require_not_input(s.output, {s.data});
  require(!lies_in(s.output, s.data), "index " + s.output.string(), "a place in the folder that it lists, which its writing changes",
          "one elsewhere");
  output_file output(s.output);
  const image_index index = interruptible([&] { return index_images(s.data); });
  if (!index.passed_over.empty()) remark(s, "Passed over ", index.passed_over);
  const std::size_t images = index.images.size(), shards = index.shards.size();
  save_image_index(std::move(output), index);
  report(s, {{"output", path_text(s.output)},
             {"images", images},
             {"shards", shards},
             {"classes", index.classes.size()}});
}

}  // namespace

void add_dataset(CLI::App& program) {
  CLI::App& dataset = *program.add_subcommand("dataset", "Makes a data set");
  dataset.require_subcommand(1);
  dataset.footer("Example:\n  lift dataset emoji --output emoji.zip --size 64");

  const auto s = std::make_shared<emoji_settings>();
  CLI::App& emoji = add_command(
      dataset, "emoji", "Renders every colour glyph of a font onto white, into a zip of PNGs",
      "lift dataset emoji --output emoji.zip --size 64", s, make_emoji);
  output_option(emoji, s->output, "Zip file");
  size_option(emoji, s->size);
  option(emoji, "--font", s->font, "Font of colour bitmaps");
  number_option(emoji, "--max-images", s->max_images, "Only the first so many; 0 = all", from_zero);

  const auto of = std::make_shared<index_settings>();
  CLI::App& index = add_command(
      dataset, "index",
      "Lists the images of a folder, and of tar files in it, so that they need not be read at the start",
      "lift dataset index --data photos --output photos.index\n"
      "  lift train --data photos.index --outdir run",
      of, make_index);
  option(index, "--data", of->data, "Folder of images, of tar files of them (WebDataset), or a tar file")->required();
  output_option(index, of->output, "Index");
}

}  // namespace lift::cli
