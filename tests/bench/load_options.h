/* The load generator's command line. */
#ifndef SOC_BENCH_LOAD_OPTIONS_H
#define SOC_BENCH_LOAD_OPTIONS_H

#include <getopt.h>

#include "tests/bench/bench_util.h"

struct load_options {
    const char *host, *file, *get;
    int port, connections;
    long count, window, burst;
    double seconds, rate;
    bool websocket;
};

static const struct option load_option_rows[] = {
    {"host", required_argument, NULL, 'h'},    {"port", required_argument, NULL, 'p'},
    {"file", required_argument, NULL, 'f'},    {"get", required_argument, NULL, 'g'},
    {"count", required_argument, NULL, 'n'},   {"connections", required_argument, NULL, 'c'},
    {"seconds", required_argument, NULL, 's'}, {"rate", required_argument, NULL, 'r'},
    {"burst", required_argument, NULL, 'b'},   {"window", required_argument, NULL, 'w'},
    {"websocket", no_argument, NULL, 'e'},     {NULL, 0, NULL, 0},
};

static inline void load_options_set(struct load_options *options, int name, const char *value) {
    switch (name) {
    case 'h': options->host = value; break;
    case 'p': options->port = atoi(value); break;
    case 'f': options->file = value; break;
    case 'g': options->get = value; break;
    case 'n': options->count = atol(value); break;
    case 'c': options->connections = atoi(value); break;
    case 's': options->seconds = atof(value); break;
    case 'r': options->rate = atof(value); break;
    case 'b': options->burst = atol(value); break;
    case 'w': options->window = atol(value); break;
    case 'e': options->websocket = true; break;
    default: exit(2);
    }
}

static inline void load_options_read(struct load_options *options, int argc, char **argv) {
    *options = (struct load_options){.host = "127.0.0.1", .port = 8000, .connections = 64, .burst = 1};
    for (int name; (name = getopt_long(argc, argv, "", load_option_rows, NULL)) != -1;)
        load_options_set(options, name, optarg);
    if ((options->file == NULL) == (options->get == NULL))
        bench_die("either --file or --get");
    if (options->count <= 0 && options->seconds <= 0)
        bench_die("--count or --seconds");
    if (options->connections <= 0 || options->burst <= 0 || (options->window > 0 && !options->websocket))
        bench_die("--connections and --burst are positive, --window needs --websocket");
    if (options->count <= 0)
        options->count = options->rate > 0 ? (long)(options->rate * options->seconds) : (1L << 40);
}

#endif
