/* What the kernel says about this process. */
#ifndef SOC_TELEMETRY_PROCESS_STATS_H
#define SOC_TELEMETRY_PROCESS_STATS_H

/* NaN: not known. */
struct process_stats {
    double cpu_seconds; /* user and system */
    double resident_bytes;
    double virtual_bytes;
    double open_fds;
    double max_fds;
    double start_time_seconds; /* since 1970 */
};

void process_stats_read(struct process_stats *stats);

#endif
