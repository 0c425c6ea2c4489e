# Turns a Lua script into a C header with one string, NAME_lua, and leaves it as it is built in beside, for tests.
# A line "-- include FILE" stands for that file, from the repository's root, which may include others: scripts of
# Redis cannot share code otherwise.
include(${CMAKE_CURRENT_LIST_DIR}/c-string.cmake)
file(READ ${SCRIPT} text)
while("\n${text}" MATCHES "\n-- include ([a-z_./]+)\n")
  set(line "-- include ${CMAKE_MATCH_1}\n")
  file(READ ${CMAKE_CURRENT_LIST_DIR}/../${CMAKE_MATCH_1} part)
  string(REPLACE "${line}" "${part}" text "${text}")
endwhile()
get_filename_component(folder ${OUT} DIRECTORY)
file(WRITE ${folder}/${NAME}.lua "${text}")
c_string("${text}" literal)
file(WRITE ${OUT} "static const char ${NAME}_lua[] =\n    ${literal};\n")
