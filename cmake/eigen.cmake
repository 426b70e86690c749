# Finds Eigen 5 for the kernels and copies its headers into the build tree, because pip deletes the
# folder it was found in. Sets JACNET_EIGEN_INCLUDE_DIR and JACNET_EIGEN_VERSION. Private to jacnet.

set(JACNET_EIGEN_DIR "" CACHE PATH "Folder that holds Eigen/Core of Eigen >= 5 (empty: search)")
set(JACNET_EIGEN_INCLUDE_DIR ${PROJECT_BINARY_DIR}/eigen)

# The folder of Eigen in the PyPI package eigency, located without importing it.
function(jacnet_find_eigency result)
  find_package(Python QUIET COMPONENTS Interpreter)
  if(Python_Interpreter_FOUND)
    execute_process(
      COMMAND ${Python_EXECUTABLE} -c "import importlib.util as u
s = u.find_spec('eigency')
print(next(iter(s.submodule_search_locations)) + '/eigen' if s else '')"
      OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    file(TO_CMAKE_PATH "${folder}" folder)
  endif()
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

function(jacnet_find_eigen result)
  set(folder "${JACNET_EIGEN_DIR}")
  if(NOT folder)
    jacnet_find_eigency(folder)
  endif()
  if(NOT folder)
    find_package(Eigen3 5 QUIET CONFIG)
    if(Eigen3_FOUND)
      get_target_property(folder Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
      string(REGEX REPLACE "\\$<BUILD_INTERFACE:([^>]*)>.*" "\\1" folder "${folder}")
      list(GET folder 0 folder)
    endif()
  endif()
  if(NOT EXISTS "${folder}/Eigen/Version")  # a file that Eigen has had since 5.0
    message(FATAL_ERROR "jacnet needs the headers of Eigen >= 5 to build, and found none"
            " (looked in: '${folder}').\n"
            "Remedy: pip install eigency==5.0.1.1  or  cmake -DJACNET_EIGEN_DIR=<folder that holds"
            " Eigen/Core>.")
  endif()
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

if(JACNET_EIGEN_DIR OR NOT EXISTS ${JACNET_EIGEN_INCLUDE_DIR}/Eigen/Version)
  jacnet_find_eigen(folder)
  message(STATUS "jacnet: Eigen from ${folder}")
  file(COPY ${folder}/Eigen DESTINATION ${JACNET_EIGEN_INCLUDE_DIR})
endif()

file(STRINGS ${JACNET_EIGEN_INCLUDE_DIR}/Eigen/Version JACNET_EIGEN_VERSION
     REGEX "EIGEN_VERSION_STRING")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" JACNET_EIGEN_VERSION "${JACNET_EIGEN_VERSION}")
target_compile_definitions(jacnet PRIVATE JACNET_EIGEN_VERSION="${JACNET_EIGEN_VERSION}")
