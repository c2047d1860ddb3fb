// SPDX-License-Identifier: MIT
#define BOOST_TEST_MODULE derivatives
#include <boost/test/unit_test.hpp>

#include <tuple>

#include <lift/backend/xtensor_backend.hpp>

#include "op/cases.hpp"
#include "op/check_op.hpp"

using tensor_d = lift::tensor<lift::xtensor_backend, double>;
using plain_d = lift::tensor<lift::plain_xtensor_backend, double>;

namespace lift::op {
// One name for every header of include/lift/op that holds a primitive.
using primitives = std::tuple<
#include "op/primitives.inc"
    >;
}  // namespace lift::op

BOOST_AUTO_TEST_CASE_TEMPLATE(three_rules_agree, Op, lift::op::primitives) {
  const auto cases = lift::test::cases_of<Op>::list();
  BOOST_CHECK_GE(cases.size(), 5u);
  for (const auto& c : cases)
    BOOST_TEST_CONTEXT(Op::name << " of " << c.inputs[0]) {
      lift::test::check_op<tensor_d>(c.op, c.inputs, lift::test::cases_of<Op>::stacked);
      lift::test::check_op<plain_d>(c.op, c.inputs, lift::test::cases_of<Op>::stacked);
    }
}
