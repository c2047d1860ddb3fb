// SPDX-License-Identifier: MIT
// What can be said of cuDNN where there is no device. cuDNN itself makes plans for devices that it is
// told of: those of LIFT's convolutions are there, with what is added to a result, without any that
// are compiled when they are first run.
#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <lift/backend/cuda/cudnn_convolution_graph.hpp>
#include <lift/backend/cuda/cudnn_operation.hpp>

namespace {

using namespace lift;
using namespace lift::detail;

struct device {
  const char* name;
  int version, processors, shared_memory, l2;

  cudnn_target target() const {
    return cudnn_target(text(
        R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],)",
        R"("regsPerBlock":65536,"multiProcessorCount":)", processors, R"(,"warpSize":32,)",
        R"("maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":)", shared_memory,
        R"(,"reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,)",
        R"("maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,)",
        R"("supportCoopLaunch":1,"totalGlobalMem":80000000000,"smClockRateKHz":1980000,)",
        R"("memClockRateKHz":3201000,"l2CacheSize":)", l2, R"(,"deviceName":")", name,
        R"(","cudaDeviceId":0,"deviceVer":)", version, R"(,"driverVer":13000})"));
  }
};
constexpr device devices[] = {{"NVIDIA A100", 800, 108, 166912, 41943040},
                              {"NVIDIA H200", 900, 132, 232448, 62914560}};

convolution_geometry square(std::size_t batch, std::size_t from, std::size_t size, std::size_t to,
                            std::size_t kernel, memory_layout layout, std::size_t stride = 1,
                            std::size_t padding = 1) {
  const std::size_t out = (size + 2 * padding - kernel) / stride + 1;
  return {.batch = batch, .channels = from, .height = size, .width = size, .out_channels = to,
          .out_height = out, .out_width = out, .kernel = kernel, .stride = stride,
          .padding = kernel == 1 ? 0 : padding, .layout = layout, .weight_layout = layout};
}

/// Those of the default networks at 64×64 and 32×32, and a few odd ones.
std::vector<convolution_geometry> geometries(memory_layout layout) {
  std::vector<convolution_geometry> all;
  for (const std::size_t batch : {1u, 7u, 64u, 256u}) {
    for (const auto& [from, size, to, kernel] :
         {std::array{3u, 64u, 64u, 3u}, {6u, 64u, 64u, 3u}, {64u, 64u, 64u, 3u}, {64u, 64u, 3u, 3u},
          {64u, 64u, 3u, 1u}, {64u, 64u, 6u, 1u}, {3u, 32u, 64u, 3u}, {64u, 32u, 128u, 3u},
          {128u, 32u, 128u, 3u}, {128u, 16u, 256u, 3u}, {256u, 16u, 256u, 3u}, {256u, 8u, 512u, 3u},
          {512u, 8u, 512u, 3u}, {1024u, 8u, 512u, 3u}, {768u, 16u, 256u, 3u}, {192u, 64u, 64u, 1u},
          {256u, 16u, 768u, 1u}, {256u, 16u, 256u, 1u}, {24u, 20u, 40u, 3u}})
      all.push_back(square(batch, from, size, to, kernel, layout, 1, kernel / 2));
    all.push_back(square(batch, 64, 64, 64, 4, layout, 2));
    all.push_back(square(batch, 64, 64, 128, 3, layout, 2));
  }
  return all;
}

constexpr convolution_task tasks[] = {convolution_task::result, convolution_task::result_and_bias,
                                      convolution_task::result_images_and_bias,
                                      convolution_task::image, convolution_task::weight};

template <class T>
void check(memory_layout layout, bool tensor_cores) {
  for (const device& d : devices) {
    const cudnn_target target = d.target();
    for (const convolution_geometry& g : geometries(layout))
      for (const convolution_task task : tasks)
        BOOST_TEST_CONTEXT(d.name << ", task " << static_cast<int>(task) << ", " << g.batch << "x"
                                  << g.channels << "x" << g.height << " to " << g.out_channels
                                  << " by " << g.kernel << " stride " << g.stride) {
          const cudnn_operation found(convolution_graph<T>(target, g, task), "", tensor_cores);
          BOOST_TEST(found.has_plans());
        }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(bfloat16_networks_have_plans) {
  check<bfloat16>(memory_layout::channels_last, true);
}

BOOST_AUTO_TEST_CASE(float32_networks_have_plans) {
  check<float>(memory_layout::channels_first, true);
  check<float>(memory_layout::channels_last, true);
  check<float>(memory_layout::channels_first, false);
}

BOOST_AUTO_TEST_CASE(float64_networks_have_plans) {
  // Of gradients of some sizes cuDNN has only sums in any order.
  const cudnn_target target = devices[1].target();
  for (const convolution_geometry& g : geometries(memory_layout::channels_first))
    for (const convolution_task task :
         {convolution_task::result, convolution_task::result_and_bias,
          convolution_task::result_images_and_bias})
      BOOST_TEST(cudnn_operation(convolution_graph<double>(target, g, task), "", true).has_plans());
}

BOOST_AUTO_TEST_CASE(choices_are_read_as_they_are_written) {
  const cudnn_choice none{7, {}}, two{12, {{2, 1}, {25, 4096}}};
  BOOST_TEST(to_text(none) == "7");
  BOOST_TEST(to_text(two) == "12 2:1 25:4096");
  for (const cudnn_choice& c : {none, two}) BOOST_TEST((choice_from(to_text(c)) == c));
  for (const char* wrong : {"", " ", "-1", "x", "7 ", "7 2", "7 2:", "7 2:-1", "7  2:1", "7 2:1 ", "7,2:1",
                            "99999999999999999999", "7 2:1\n"})
    BOOST_TEST(!choice_from(wrong), wrong);
}

BOOST_AUTO_TEST_CASE(choices_are_kept_in_a_file) {
  const std::filesystem::path folder = "cudnn_choices_test." + std::to_string(getpid()),
                              file = folder / "new/choices";
  std::filesystem::remove_all(folder);
  const cudnn_choice a{1, {{2, 3}}}, b{4, {}};
  const auto any = [](const cudnn_choice&) { return true; };
  const auto ask = [&](cudnn_choices& of, const char* operation, const cudnn_choice& measured) {
    return *of.of(operation, any, [&] { return std::optional(measured); });
  };
  {
    cudnn_choices first("card", file);
    BOOST_TEST((ask(first, "result", a) == a));
    BOOST_TEST((ask(first, "result", b) == a));
    BOOST_TEST((ask(first, "image", a) == a));
    const auto none = [](const cudnn_choice&) { return false; };
    BOOST_TEST((first.of("image", none, [&] { return std::optional(b); }) == b));  // again
    BOOST_TEST((!first.of("weight", any, [] { return std::optional<cudnn_choice>(); })));
    BOOST_TEST(!first.known("weight"));
    BOOST_TEST((first.known("result") == a));
  }
  // What is cut short, of another device or of no form is passed over; of two the last counts.
  std::ofstream(file, std::ios::app) << "\n = \ncard | \ncard | weight = x\n"
                                     << std::string("card | \0 = 5\n", 13)
                                     << "other | weight = 5\ncard | weight = 1";
  cudnn_choices again("card", file), other("other", file);
  BOOST_TEST((ask(again, "result", b) == a));
  BOOST_TEST((ask(again, "image", a) == b));
  BOOST_TEST((ask(again, "weight", b) == b));  // begins a line of its own
  cudnn_choices later("card", file);
  BOOST_TEST((ask(later, "weight", a) == b));
  BOOST_TEST((ask(other, "weight", a) == cudnn_choice{5, {}}));

  // Without a file that can be written there is the process's memory.
  for (const std::filesystem::path& nowhere : {std::filesystem::path(), file / "below a file"}) {
    cudnn_choices forgotten("card", nowhere);
    BOOST_TEST((ask(forgotten, "result", a) == a));
    BOOST_TEST((ask(forgotten, "result", b) == a));
  }
  std::filesystem::remove_all(folder);
}
