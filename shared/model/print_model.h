/* The words and limits of the model as one JSON object: what --vocabulary prints, so that a test can hold the
 * schemas against the tables. */
#ifndef SOC_MODEL_PRINT_MODEL_H
#define SOC_MODEL_PRINT_MODEL_H

#include <stdbool.h>
#include <stdio.h>

bool print_model(FILE *out);

#endif
