// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <lift/core/error.hpp>
#include <lift/core/scales.hpp>

namespace lift {

/// The points between which the curve of a path goes straight: the path's steps, before them the noisiest
/// timestep of all scales and after them timestep 0, where it has not got these itself. A path of timesteps is
/// a timestep_path, or any other array of lift::scales, which must outlive this.
template <class Path>
class whole_curve {
 public:
  using point = typename Path::value_type;

  /// Throws lift::error for timesteps that rise or are not in the schedule.
  whole_curve(const Path& path, std::size_t num_timesteps)
      : path_(path),
        noisiest_(make_scales<point::size()>(
            [&](std::size_t) { return static_cast<double>(num_timesteps) - 1; })),
        before_(path.size() > 0 && path[0] == noisiest_ ? 0 : 1),
        after_(path.size() > 0 && path[path.size() - 1] == point{} ? 0 : 1) {
    require(num_timesteps >= 2, "number of timesteps of the path of a regime", num_timesteps, "at least 2");
    for (std::size_t i = 1; i < size(); ++i)
      for (std::size_t s = 0; s < point::size(); ++s)
        require((*this)[i][s] >= 0 && (*this)[i][s] <= (*this)[i - 1][s],
                text("timestep ", i, " of the path of a regime"), (*this)[i][s],
                text("0 to ", (*this)[i - 1][s]));
  }

  std::size_t size() const { return before_ + path_.size() + after_; }
  point operator[](std::size_t i) const {
    if (i < before_) return noisiest_;
    return i - before_ < path_.size() ? path_[i - before_] : point{};
  }

 private:
  const Path& path_;
  point noisiest_;
  std::size_t before_, after_;
};

}  // namespace lift
