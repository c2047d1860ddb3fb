# SPDX-License-Identifier: MIT
# Install rules: headers, one CMake export and one pkg-config file per component.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/lift)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(DIRECTORY include/lift DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
foreach(component IN LISTS LIFT_COMPONENTS)
  install(TARGETS lift_${component} EXPORT lift_${component})
  install(EXPORT lift_${component} NAMESPACE lift:: DESTINATION ${package_dir})
endforeach()
configure_file(cmake/lift-config.cmake.in lift-config.cmake @ONLY)
write_basic_package_version_file(lift-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES cmake/lift_dependencies.cmake cmake/lift_native.cmake ${CMAKE_CURRENT_BINARY_DIR}/lift-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/lift-config-version.cmake DESTINATION ${package_dir})

# The prefix is written relative to the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH prefix ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(prefix "\${pcfiledir}/${prefix}")
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_INCLUDEDIR absolute)
if(absolute)
  set(includedir ${CMAKE_INSTALL_INCLUDEDIR})
else()
  set(includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
# lift_pkgconfig(<file> <component> <required modules> <cflags> <libs>)
function(lift_pkgconfig name component requires cflags libs)
  if(component IN_LIST LIFT_COMPONENTS)
    configure_file(cmake/lift.pc.in ${name}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${pkgconfig_dir})
  endif()
endfunction()
lift_pkgconfig(lift-core core "" "-I\${includedir}" "")
lift_pkgconfig(lift lift "lift-core xtensor xsimd openblas eigen3" "-DXTENSOR_USE_XSIMD -pthread" "-pthread")
lift_pkgconfig(lift-io io "lift libpng libjpeg libwebpdemux libgif libarchive nettle freetype2 nlohmann_json" "" "")
