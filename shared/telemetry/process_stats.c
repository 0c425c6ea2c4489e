#include "shared/telemetry/process_stats.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double read_cpu_seconds(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return NAN;
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static void read_memory(struct process_stats *stats) {
    unsigned long long total, resident;
    double page = (double)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return;
    if (fscanf(file, "%llu %llu", &total, &resident) == 2) {
        stats->virtual_bytes = (double)total * page;
        stats->resident_bytes = (double)resident * page;
    }
    fclose(file);
}

/* Since Linux 6.2 the folder's size is the number of open files; before it is 0 and they have to be counted.
 */
static double count_open_fds(void) {
    struct stat stat_of_folder;
    if (stat("/proc/self/fd", &stat_of_folder) == 0 && stat_of_folder.st_size > 0)
        return (double)stat_of_folder.st_size;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return NAN;
    double count = -1; /* the folder's own */
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static double read_max_fds(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return NAN;
    return limit.rlim_cur == RLIM_INFINITY ? INFINITY : (double)limit.rlim_cur;
}

static double read_boot_time(void) {
    char line[256];
    unsigned long long seconds;
    double boot = NAN;
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return NAN;
    while (isnan(boot) && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "btime %llu", &seconds) == 1)
            boot = (double)seconds;
    fclose(file);
    return boot;
}

/* Ticks after boot: field 22 of proc(5)'s stat, the 20th behind the program's name, which ends at the last
 * ')'. */
static double read_start_ticks(void) {
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return NAN;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *at = strrchr(text, ')');
    unsigned long long ticks;
    if (at == NULL ||
        sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &ticks) != 1)
        return NAN;
    return (double)ticks;
}

static double read_start_time(void) {
    return read_boot_time() + read_start_ticks() / (double)sysconf(_SC_CLK_TCK);
}

void process_stats_read(struct process_stats *stats) {
    static double start_time_seconds;
    if (start_time_seconds == 0)
        start_time_seconds = read_start_time();
    *stats = (struct process_stats){
        .cpu_seconds = read_cpu_seconds(),
        .resident_bytes = NAN,
        .virtual_bytes = NAN,
        .open_fds = count_open_fds(),
        .max_fds = read_max_fds(),
        .start_time_seconds = start_time_seconds,
    };
    read_memory(stats);
}
