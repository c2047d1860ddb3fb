// SPDX-License-Identifier: MIT
#pragma once

// Files, figures and whole jobs: what needs image codecs, archives, glyphs and JSON.

#include <lift/io/archive.hpp>
#include <lift/io/bmp.hpp>
#include <lift/io/checkpoint.hpp>
#include <lift/io/checkpoint_folder.hpp>
#include <lift/io/checksum.hpp>
#include <lift/io/dataset.hpp>
#include <lift/io/decode_image.hpp>
#include <lift/io/emoji.hpp>
#include <lift/io/exif.hpp>
#include <lift/io/feature_statistics.hpp>
#include <lift/io/feature_weights.hpp>
#include <lift/io/file.hpp>
#include <lift/io/file_kind.hpp>
#include <lift/io/folder_files.hpp>
#include <lift/io/gif.hpp>
#include <lift/io/heatmap_file.hpp>
#include <lift/io/heatmap_npz.hpp>
#include <lift/io/host_tensor.hpp>
#include <lift/io/image.hpp>
#include <lift/io/image_grid.hpp>
#include <lift/io/image_index.hpp>
#include <lift/io/image_index_file.hpp>
#include <lift/io/image_names.hpp>
#include <lift/io/indexed_images.hpp>
#include <lift/io/jpeg.hpp>
#include <lift/io/json_file.hpp>
#include <lift/io/model_settings.hpp>
#include <lift/io/network_kind.hpp>
#include <lift/io/npy.hpp>
#include <lift/io/npz.hpp>
#include <lift/io/path_file.hpp>
#include <lift/io/pixel.hpp>
#include <lift/io/png.hpp>
#include <lift/io/quote_name.hpp>
#include <lift/io/read_ahead.hpp>
#include <lift/io/resize.hpp>
#include <lift/io/safetensors.hpp>
#include <lift/io/safetensors_header.hpp>
#include <lift/io/sha256.hpp>
#include <lift/io/state_names.hpp>
#include <lift/io/utf8_locale.hpp>
#include <lift/io/webp.hpp>
#include <lift/io/weight_names.hpp>
#include <lift/io/zip_writer.hpp>

#include <lift/plot/figures.hpp>
#include <lift/plot/gnuplot.hpp>
#include <lift/plot/run_gnuplot.hpp>

#include <lift/pipeline/dataset_images.hpp>
#include <lift/pipeline/generate.hpp>
#include <lift/pipeline/levels_on_backend.hpp>
#include <lift/pipeline/load.hpp>
#include <lift/pipeline/measure_heatmap.hpp>
#include <lift/pipeline/train.hpp>
#include <lift/pipeline/trained_model.hpp>
