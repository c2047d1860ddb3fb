// SPDX-License-Identifier: MIT
// Stands for the precompiled headers of the tests.
