// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <tuple>

#include "backends.hpp"
#include "op/check_op.hpp"
#include "op/primitives.hpp"

BOOST_AUTO_TEST_SUITE(derivatives_tests)

BOOST_AUTO_TEST_CASE_TEMPLATE(three_rules_agree, Op, lift::op::primitives) {
  const auto cases = lift::test::cases_of<Op>::list();
  BOOST_CHECK_GE(cases.size(), 5u);
  for (const auto& c : cases)
    BOOST_TEST_CONTEXT(Op::name << " of " << c.inputs[0]) {
      std::apply(
          [&]<class... Tensor>(const Tensor&...) {
            (lift::test::check_op<Tensor>(c.op, c.inputs, lift::test::cases_of<Op>::stacked), ...);
          },
          lift::test::backend_tensors<double>());
    }
}

BOOST_AUTO_TEST_SUITE_END()
