// SPDX-License-Identifier: MIT
// One tensor seen by three libraries without a copy: LIFT makes random fields, xtensor changes their
// contrast, Eigen finds the direction in which they vary most.

#include <cstdio>

#include <Eigen/Eigenvalues>

#include <lift/interop.hpp>
#include <lift/model/gaussian_field.hpp>
#include <lift/path/diagonal.hpp>
#include <lift/sample/generate.hpp>
#include <lift/schedule/cosine.hpp>

using image_tensor = lift::tensor<lift::xtensor_backend, float>;

int main() {
  const lift::cosine_schedule schedule;
  const lift::gaussian_field denoise(schedule, 8);  // 8×8 pixels
  image_tensor images = lift::generate<image_tensor>(denoise, schedule,
                                                     lift::diagonal{}({}, schedule, 10),
                                                     lift::shape{64, 1, 8, 8})
                            .fine();

  auto pixels = lift::as_xtensor(images);  // writes to the tensor
  pixels -= xt::mean(pixels)();
  const image_tensor contrasted = lift::from_xtensor(xt::tanh(2 * pixels));

  const auto rows = lift::as_eigen(contrasted);  // 64 images of 64 pixels
  const Eigen::MatrixXf covariance = rows.transpose() * rows / 64;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> directions(covariance);
  const auto values = directions.eigenvalues();
  std::printf("the widest of 64 directions holds %.0f %% of the variance\n",
              100 * values(63) / values.sum());
}
