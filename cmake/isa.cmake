# The only file with -m flags: compiles the kernels once per instruction set.
#
# Eigen is renamed per set, so that the linker never merges its inline functions across sets: it
# would keep one copy, and crash or silently run the slow one. For the same reason kernels are
# optimised even in Debug (no stray std:: functions), hidden, and kept out of LTO.

function(jacnet_add_kernels isa)
  set(flags ${ARGN})
  set(kernels jacnet_kernels_${isa})
  add_library(${kernels} OBJECT ${JACNET_KERNELS})
  if(isa STREQUAL "baseline")
    target_sources(${kernels} PRIVATE ${JACNET_BASELINE_KERNELS})
  endif()
  target_compile_features(${kernels} PRIVATE cxx_std_20)
  target_compile_definitions(${kernels} PRIVATE
      JACNET_ISA=${isa} Eigen=Eigen_${isa} EIGEN_DONT_PARALLELIZE EIGEN_MPL2_ONLY)
  target_include_directories(${kernels} PRIVATE ${PROJECT_SOURCE_DIR}/cpp/include)
  target_include_directories(${kernels} SYSTEM PRIVATE ${JACNET_EIGEN_INCLUDE_DIR})
  set_target_properties(${kernels} PROPERTIES
      CXX_EXTENSIONS OFF  POSITION_INDEPENDENT_CODE ON  INTERPROCEDURAL_OPTIMIZATION OFF
      CXX_VISIBILITY_PRESET hidden  VISIBILITY_INLINES_HIDDEN ON)
  jacnet_warnings(${kernels})
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${kernels} PRIVATE
        -O3 -fno-lto -fno-math-errno -fno-trapping-math ${flags})
    if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=[a-z,]*address")
      # Following the scope of every inlined temporary takes minutes and a gigabyte to compile.
      target_compile_options(${kernels} PRIVATE -fno-sanitize-address-use-after-scope)
    endif()
  endif()
  string(TOUPPER ${isa} have)
  target_sources(jacnet PRIVATE $<TARGET_OBJECTS:${kernels}>)
  target_compile_definitions(jacnet PRIVATE JACNET_HAVE_${have})
  set_property(GLOBAL APPEND PROPERTY JACNET_KERNEL_TARGETS ${kernels})
endfunction()

jacnet_add_kernels(baseline)

if(JACNET_DISPATCH AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang"
   AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  set(avx2 -mavx2 -mfma -ffp-contract=fast)
  set(avx512 ${avx2} -mavx512f -mavx512dq -mavx512vl -mavx512bw)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's own avx512 intrinsics start from undefined registers, and it warns of them.
    list(APPEND avx512 -mprefer-vector-width=512 -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
  jacnet_add_kernels(avx2 ${avx2})
  jacnet_add_kernels(avx512 ${avx512})
endif()
