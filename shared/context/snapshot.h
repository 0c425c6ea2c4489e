/* The context that workers answer from memory: customers, infra events and threat-intel lists, as one
 * immutable snapshot. A builder collects records as they stand in Redis; `snapshot_build` turns them into a
 * snapshot that is read without locks and replaced whole. No I/O here. */
#ifndef SOC_CONTEXT_SNAPSHOT_H
#define SOC_CONTEXT_SNAPSHOT_H

#include "shared/base/arena.h"
#include "shared/model/facts.h"
#include "shared/model/signal.h"

/* One hash field with its value, as Redis gives it. */
struct context_field {
    struct text name;
    struct text value;
};

/* A value in Redis of more bytes than this is refused. */
enum { CONTEXT_VALUE_MAX = 64 * 1024 };

struct snapshot_builder;
struct snapshot;

/* What was wrong with a record: never fatal, the record (or the field) is left out and told. `record` is the
 * key without its variable part (customer, infra:events, intel:lists, intel:list), `name` that part or the
 * hash field; both, and `why`, live as long as the call. At most 16 complaints tell of the entries of one
 * list or field, then one tells how many more there were. */
typedef void (*context_complaint)(void *arg, const char *record, struct text name, const char *why);

struct snapshot_builder *snapshot_builder_new(context_complaint complain, void *arg);
void snapshot_builder_free(struct snapshot_builder *builder);

/* The hash customer:{id}. Fields, all optional: name; tier (standard, premium, enterprise);
 * requests_per_minute; limit:{threat_type} (requests a minute for that type); auto_block (0 or 1);
 * allowlist (addresses and CIDRs, blank-separated); allowlist_user_agents (one pattern a line, * matches any
 * run of characters, case ignored); contacts:{level} (blank-separated); sla:{severity} (minutes);
 * retention_days. An id seen again replaces the earlier record; no fields at all remove it. */
void snapshot_builder_customer(struct snapshot_builder *builder, struct text customer_id,
                               const struct context_field *fields, unsigned count);

/* One field of infra:events: id → {"kind","title","starts_at","ends_at","customer_id"}; ends_at defaults to
 * starts_at, no customer_id means all customers. */
void snapshot_builder_infra(struct snapshot_builder *builder, struct text id, struct text json);

/* One field of intel:lists: name → {"category","source","as_of","score","crawler"}; score (0–100) is the
 * default of its entries (50 when absent), crawler names the crawler whose published ranges a `crawler` list
 * holds (case ignored). */
void snapshot_builder_intel_list(struct snapshot_builder *builder, struct text name, struct text json);

/* One field of intel:list:{name}: address or CIDR → score as digits, or empty for the list's own. The list
 * must have been told before. */
void snapshot_builder_intel_entry(struct snapshot_builder *builder, struct text list, struct text cidr,
                                  struct text score);

/* What a change in Redis leaves as it was. */
enum context_part { CONTEXT_CUSTOMERS = 1, CONTEXT_INFRA = 2, CONTEXT_INTEL = 4 };

/* Lets the builder begin with these parts (bits) of an earlier snapshot, shared and not copied, so that a
 * changed customer costs nothing of a million intel entries. Customers told afterwards replace or join those
 * kept; the first infra event or intel list told afterwards begins that part anew. */
void snapshot_builder_keep(struct snapshot_builder *builder, const struct snapshot *earlier, unsigned parts);

/* Is a list of this name in the snapshot? */
bool snapshot_has_intel_list(const struct snapshot *snapshot, struct text name);

/* Of lists told to the builder that have not changed since `earlier`: mark each (false when it is not on both
 * sides), then copy the entries of all in one pass, which spares reading them from Redis. */
bool snapshot_builder_intel_same(struct snapshot_builder *builder, const struct snapshot *earlier,
                                 struct text name);
void snapshot_builder_intel_copy(struct snapshot_builder *builder, const struct snapshot *earlier);

/* Takes the builder's content (the builder is empty and free to fill again). The caller owns the snapshot. */
struct snapshot *snapshot_build(struct snapshot_builder *builder);
void snapshot_free(struct snapshot *snapshot);

struct snapshot_size {
    size_t customers, infra_events, intel_lists, intel_entries, bytes;
};
struct snapshot_size snapshot_size(const struct snapshot *snapshot);

/* Fills everything of `facts` but the history: from the snapshot, or, when it is NULL, only what needs none
 * (range, crawler claim). A NAT64 address (64:ff9b::/96) counts as the IPv4 address in it, and as itself.
 * When more than INTEL_FACTS_MAX entries hold the address, one of shared egress, then one of each category
 * come before others; lists without entries count as not loaded. Texts are copied to `arena`.
 * `received_at_ms` is not used to judge infra events: those are matched against signal->detected_at_ms. */
void snapshot_gather(const struct snapshot *snapshot, const struct signal *signal, struct arena *arena,
                     struct facts *facts);

/* For tests and look-ups: the entries that hold the address, longest prefix first, at most `max`. */
unsigned snapshot_lookup(const struct snapshot *snapshot, const struct address *address, struct arena *arena,
                         struct intel_fact *found, unsigned max);

#endif
