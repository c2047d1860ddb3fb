// SPDX-License-Identifier: MIT
#pragma once

namespace lift {

/// Work that is done again and again, on a backend that has nothing to gain by knowing.
///
/// A backend with a type `recorded_work` of its own may record the work, what is asked of the
/// backend and where its memory is, and replay the record without calling the function any more
/// (a CUDA graph): a network is a thousand small tasks, which take a device less time than a host
/// needs to ask for them. So that a record does what the function would do,
/// - the function does the same every time, and what changes stands in tensors that are written in
///   place between runs: random numbers take a sample_number found in memory, networks a tensor of
///   timesteps;
/// - what it copies in from the host is the same every time, and it copies nothing out;
/// - tensors that it leaves in its surroundings hold the results of the last run.
struct unrecorded_work {
  /// Whether a run may replay a record, with results where those of the run before were.
  static constexpr bool records = false;

  template <class F>
  void run(const F& work) {
    work();
  }
};

/// Work that is replayed from a record of it. Record is a backend's: try_out(f) does the work in
/// memory that is the record's, make(f) records it there, made() tells whether that was done,
/// replay() does what was recorded, forget() undoes make; Record::recording() is whether this
/// thread is within make.
///
/// The first run is a plain one, as libraries may set themselves up when they are first used. Within
/// the record of other work a run is part of that, and its results are where that leaves them. All
/// runs are one thread's.
template <class Record>
class work_recorder {
 public:
  static constexpr bool records = true;

  template <class F>
  void run(const F& work) {
    if (Record::recording()) {
      work();
      record_.forget();  // its results are elsewhere
    } else if (!tried_) {
      record_.try_out(work);
      tried_ = true;
    } else {
      if (!record_.made()) record_.make(work);
      record_.replay();
    }
  }

 private:
  Record record_;
  bool tried_ = false;
};

namespace detail {
template <class Backend>
struct recorded_work_of {
  using type = unrecorded_work;
};
template <class Backend>
  requires requires { typename Backend::recorded_work; }
struct recorded_work_of<Backend> {
  using type = typename Backend::recorded_work;
};
}  // namespace detail

/// What records work where the backend can, and replays it: run(f) any number of times, always with
/// the same work.
template <class Backend>
using recorded_work = typename detail::recorded_work_of<Backend>::type;

}  // namespace lift
