# Turns a Lua script into a C header with one string, NAME_lua.
include(${CMAKE_CURRENT_LIST_DIR}/c-string.cmake)
file(READ ${SCRIPT} text)
c_string("${text}" literal)
file(WRITE ${OUT} "static const char ${NAME}_lua[] =\n    ${literal};\n")
