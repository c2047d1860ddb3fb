#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What compilers say to parts of one's own: check_messages.py COMPILER INCLUDE_DIR.

- own_parts.cpp, where they are right, compiles without a warning;
- each misuse below does not compile: the first error says what is wanted, or what in one's own code is at
  fault, and then a line on the way there says what is wanted; fewer than LIMIT lines point into the
  library's headers.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LIMIT = 10
HERE = pathlib.Path(__file__).parent
HEADERS = ["ad/apply", "analysis/compute_error_heatmap", "model/recorded_network", "path/any_path_policy",
           "sample/generate", "train/trainer"]

SCHEDULE = "struct schedule { std::size_t num_timesteps() const; double alpha_bar(std::size_t) const; };"
DENOISE = """const auto denoise = [](const lift::scales<image_tensor>& x, const lift::scales<lift::timesteps>&) {
            return lift::scales{x[0], x[1]}; };"""
GENERATE = """auto made = lift::generate<image_tensor>(denoise, schedule{}, lift::timestep_path<>{},
                                                         {1, 3, 8, 8}%s);"""
MEASURE = """auto measured = lift::compute_error_heatmap(denoise, schedule{}, image_tensor{},
                                                         lift::heatmap_axis{});"""
WANTED_DENOISER = ("a denoiser is to be callable as denoise(x, t), x lift::scales of tensors and t lift::scales of "
                   "lift::timesteps")
OWN_SOLVER = ", lift::sampling_options<own>{}"
WANTED_SOLVER = ("a solver is to be copyable and callable as solve(lift::solver_step) -> lift::scales<Tensor, N>, "
                 "or for each scale alone as step(x, denoised, alpha_bar, next_alpha_bar, noise)")
NETWORK = """struct network {
  static constexpr std::size_t scale_count = 2;
  std::vector<std::size_t> hidden_dims;
  template <class S, class X, class T>
  auto operator()(const S&, const lift::scales<X>& x, const lift::scales<T>&) const { return x; }
};
lift::training_state<image_tensor> state;
lift::tensor_images<image_tensor> images;"""

# name: (code, what the first error says, what a line on the way there says)
MISUSES = {
    "a denoiser that is not const": (
        SCHEDULE + """struct own { lift::scales<image_tensor> operator()(
            const lift::scales<image_tensor>&, const lift::scales<lift::timesteps>&); } denoise;"""
        + GENERATE % "",
        "a denoiser's operator() is to be const, a lambda not mutable"),
    "a denoiser with its arguments in another order": (
        SCHEDULE + """const auto denoise = [](const lift::scales<lift::timesteps>&,
            const lift::scales<image_tensor>& x) { return x; };
        auto made = lift::super_resolve(denoise, schedule{}, {5, 4}, image_tensor{}, image_tensor{});""",
        WANTED_DENOISER),
    "a denoiser whose scales are arguments of their own": (
        SCHEDULE + """const auto denoise = [](const image_tensor& f, const image_tensor& c, const lift::timesteps&,
            const lift::timesteps&) { return lift::scales{f, c}; };""" + GENERATE % "",
        WANTED_DENOISER),
    "a denoiser that returns a pair": (
        SCHEDULE + DENOISE.replace("lift::scales{", "std::pair{") + MEASURE,
        "a denoiser is to return lift::scales of tensors"),
    "a generic denoiser of tensors alone, differentiated": (
        SCHEDULE + """const auto denoise = [](const auto& x, const auto&) {
            return lift::scales{image_tensor(x[0].shape(), x[0].to_host()), image_tensor()}; };""" + MEASURE,
        "no member named 'to_host'",
        "a_generic_denoiser_needs_to_take_duals_here_or_be_wrapped_in_central_differences"),
    "a single-scale denoiser that returns both scales": (
        SCHEDULE + """const auto denoise = [](const lift::scales<image_tensor, 1>& x,
            const lift::scales<lift::timesteps, 1>&) { return lift::scales{x[0], x[0]}; };
        auto made = lift::sample(denoise, schedule{}, {{1}}, lift::scales{image_tensor{}});""",
        "a denoiser is to return lift::scales of tensors"),
    "a denoiser of two scales on a path of three": (
        SCHEDULE + DENOISE + GENERATE.replace("timestep_path<>", "timestep_path<3>") % "",
        "a denoiser is to be callable as denoise(x, t)"),
    "a schedule of floats": (
        SCHEDULE.replace("double", "float") + DENOISE + GENERATE % "",
        "a noise schedule is to have const members std::size_t num_timesteps()"),
    "a prediction without a target": (
        SCHEDULE + DENOISE + """struct own {
            static constexpr const char* name = "own"; static lift::combination noise(double), clean(double); };
        const lift::model made{denoise, own{}, schedule{}};""",
        "a prediction is to have static members noise, clean and target"),
    "a prediction without a name": (
        "struct own { static lift::combination noise(double), clean(double), target(double); };"
        "const lift::prediction made = own{};",
        "and a name"),
    "a stepper that takes no noise": (
        SCHEDULE + DENOISE + """struct own {
            image_tensor operator()(const image_tensor&, const image_tensor&, double, double) const; };"""
        + GENERATE % OWN_SOLVER, WANTED_SOLVER),
    "a solver that returns one scale": (
        SCHEDULE + DENOISE
        + "struct own { image_tensor operator()(const lift::solver_step<image_tensor>&) const; };"
        + GENERATE % OWN_SOLVER, WANTED_SOLVER),
    "images in the place of held ones": (
        SCHEDULE + DENOISE + """auto held = lift::scales<lift::held_images<image_tensor>>{nullptr, image_tensor{}};""",
        "to 'std::function<lift::tensor<paper_backend, float>"),
    "a number in the place of a learning rate": (
        NETWORK + "lift::trainer training(network{}, state, images, lift::objective{}, 1e-4);",
        "a learning rate is to be callable, when const, as rate(std::uint64_t step) -> double"),
    "a vector in the place of an image source": (
        NETWORK + """std::vector<image_tensor> all;
        lift::trainer training(network{}, state, all, lift::objective{}, lift::constant_rate{});""",
        "an image source is to have const members size() and operator()"),
    "a regime that draws for no sample": (
        NETWORK + """struct own { template <std::size_t N> lift::scales<std::size_t, N> draw(
            const lift::random_stream&, std::size_t) const; };
        lift::trainer training(network{}, state, images, lift::objective{lift::cosine_schedule(), own{}},
                               lift::constant_rate{});""",
        "a regime is to have a const member template draw<N>(stream, sample, "),
    "a regime whose members are no templates": (
        NETWORK + """struct own {
          lift::scales<std::size_t> draw(const lift::random_stream&, std::uint64_t, std::size_t) const; };
        lift::trainer training(network{}, state, images, lift::objective{lift::cosine_schedule(), own{}},
                               lift::constant_rate{});""",
        "a regime is to have a const member template draw<N>(stream, sample, "),
    "a pyramid that cannot join": (
        SCHEDULE + DENOISE + """struct own {
            template <std::size_t N, class X> lift::scales<X, N> split(const X&) const; };"""
        + GENERATE % ", lift::sampling_options<lift::ddim, own>{}",
        "a pyramid is to have const member templates split<N>(image)"),
    "a pyramid of tensors alone, in training": (
        NETWORK + """struct own {
          template <std::size_t N> lift::scales<image_tensor, N> split(const image_tensor&) const;
          template <std::size_t N> image_tensor join(const lift::scales<image_tensor, N>&) const; };
        lift::trainer training(network{}, state, images, lift::objective{lift::cosine_schedule(),
                               lift::independent_regime{}, lift::predicts_noise{}, own{}}, lift::constant_rate{});""",
        "a pyramid is to have const member templates split<N>(image)"),
    "an optimiser that is told no numbers": (
        NETWORK + """struct own { static constexpr const char* name = "own";
          static constexpr std::array states{"m"};
          template <class P, class G> void update(P&, std::vector<P>&, const G&, const image_tensor&) const; };
        lift::trainer training(network{}, state, images, lift::objective{}, lift::constant_rate{},
                               lift::training_options<own>{});""",
        "an optimiser is to have static members name and states, an array of names"),
    "a communicator that sums one tensor": (
        NETWORK + """struct own { std::size_t rank() const, size() const; void sum(image_tensor&); };
        lift::trainer training(network{}, state, images, lift::objective{}, lift::constant_rate{}, {}, own{});""",
        "a communicator is to have const members rank() and size() -> std::size_t"),
    "a policy that returns indices": (
        """struct own { std::vector<std::size_t> operator()(
            const lift::error_heatmap<>&, const lift::tabulated_schedule&, std::size_t) const; };
        static_assert(lift::path_policy<own>, "own is no policy");""",
        "own is no policy"),
    "a primitive without rules": (
        """struct own {
          static constexpr std::size_t inputs = 1;
          lift::shape output_shape(const lift::shape&) const;
          template <class T> auto forward(const T& x) const { return lift::op::evaluation{x, 0}; } };
        auto y = lift::apply(own{}, image_tensor{});""",
        "a primitive is to have const members output_shape(shapes...), forward(x...)"),
    "a backend that does not reduce": (
        "struct own : paper_backend { static void reduce(); }; lift::dual<own, float> x;",
        "constraint", "B::reduce("),
}


def compiled(compiler, include, folder, source):
    """The exit status of the compiler and the lines it wrote; all headers are compiled before, once."""
    everything = folder / "everything.hpp"
    command = [compiler, "-std=c++20", "-fdiagnostics-color=never", "-Wall", "-Wextra", "-Wconversion",
               f"-I{include}", f"-I{HERE}"]
    if not everything.exists():
        everything.write_text('#include "paper_backend.hpp"\n' +
                              "".join(f"#include <lift/{header}.hpp>\n" for header in HEADERS))
        subprocess.run([*command, "-x", "c++-header", everything, "-o", f"{everything}.gch"], check=True)
    run = subprocess.run([*command, "-fsyntax-only", "-include", everything, source], capture_output=True,
                         text=True, env={**os.environ, "LC_ALL": "C"})
    return run.returncode, run.stderr.splitlines()


def problem(lines, include, first_error, on_the_way=""):
    """What is wrong with the message of a misuse, or nothing."""
    error = next((line for line in lines if re.search(r"\berror: ", line)), "none")
    ours = sum(bool(re.match(re.escape(include) + r"/lift/\S+:\d+:", line)) for line in lines)
    if first_error not in error:
        return f"the first error does not say: {first_error}"
    if not any(on_the_way in line for line in lines):
        return f"no line says: {on_the_way}"
    if ours >= LIMIT:
        return f"{ours} lines point into the library, want fewer than {LIMIT}"
    return ""


def main(compiler, include):
    failed = 0

    def report(name, found, lines):
        nonlocal failed
        if found:
            failed += 1
            print(f"{name}: {found}", *lines[:40], sep="\n  ")

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        _, lines = compiled(compiler, include, folder, HERE / "own_parts.cpp")
        report("own_parts.cpp", lines and "want no line", lines)
        for name, (code, *wanted) in MISUSES.items():
            source = folder / "misuse.cpp"
            source.write_text(code + "\n")
            status, lines = compiled(compiler, include, folder, source)
            report(name, problem(lines, include, *wanted) if status else "it compiles", lines)
    print(f"{len(MISUSES) + 1} programs, {failed} not answered as they should be")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
