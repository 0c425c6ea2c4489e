/* The risk model that the priority agent speaks for: points that sum to risk_score, and the severity that
 * follows. Pure. */
#ifndef SOC_RISK_MODEL_H
#define SOC_RISK_MODEL_H

#include "shared/model/analysis.h"

/* The points that a threat type starts with. */
int risk_base_points(enum threat_type type);

/* 80 and more critical, 60 high, 35 medium, else low. */
enum severity risk_severity(int risk_score);

/* Fills risk_score, risk_factors, severity and techniques from signal and facts. The sum of the factors is
 * the score: where it would leave 0…100 a last factor says by how much it was limited. */
void risk_model_apply(const struct signal *signal, const struct facts *facts, struct arena *arena,
                      struct analysis *analysis);

#endif
