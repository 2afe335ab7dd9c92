# What is not our subject comes from Debian's packages; tools/setup installs them.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(SQLite3 REQUIRED)

find_path(UNBOUND_INCLUDE unbound.h REQUIRED)
find_library(UNBOUND_LIBRARY unbound REQUIRED)
add_library(ph_unbound INTERFACE)
target_include_directories(ph_unbound SYSTEM INTERFACE ${UNBOUND_INCLUDE})
target_link_libraries(ph_unbound INTERFACE ${UNBOUND_LIBRARY})

find_library(ARGON2_LIBRARY argon2 REQUIRED)
add_library(ph_argon2 INTERFACE)
target_link_libraries(ph_argon2 INTERFACE ${ARGON2_LIBRARY})

find_library(IDN2_LIBRARY idn2 REQUIRED)
add_library(ph_idn2 INTERFACE)
target_link_libraries(ph_idn2 INTERFACE ${IDN2_LIBRARY})

find_path(CDB_INCLUDE cdb.h REQUIRED)
find_library(CDB_LIBRARY cdb REQUIRED)
add_library(ph_cdb INTERFACE)
target_include_directories(ph_cdb SYSTEM INTERFACE ${CDB_INCLUDE})
target_link_libraries(ph_cdb INTERFACE ${CDB_LIBRARY})

if(PH_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(PH_BENCH)
  find_package(benchmark REQUIRED)
endif()
