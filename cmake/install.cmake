# Headers, library, CMake package and pkg-config file (component development), licences (component
# licenses; a wheel carries them among its own metadata).

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/jacnet)
set(link_openmp "")
if(JACNET_OPENMP AND NOT BUILD_SHARED_LIBS)  # whoever links the archive needs the OpenMP library
  set(link_openmp ${OpenMP_CXX_FLAGS})
endif()

install(DIRECTORY cpp/include/jacnet TYPE INCLUDE COMPONENT development)
install(TARGETS jacnet EXPORT jacnetTargets COMPONENT development)
install(EXPORT jacnetTargets NAMESPACE jacnet:: DESTINATION ${package_dir} COMPONENT development)

configure_package_config_file(cmake/jacnetConfig.cmake.in jacnetConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(jacnetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/jacnet.pc.in jacnet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/jacnetConfig.cmake
              ${PROJECT_BINARY_DIR}/jacnetConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/jacnet.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES LICENSE NOTICE
        DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/jacnet COMPONENT licenses)
