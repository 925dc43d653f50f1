/* What a site list accepts can be watched: every site of it can be sent to a
 * worker as a job, is found by its name, and belongs to an owner of the list.
 * What it refuses, it tells. */
/* libFuzzer: -max_len=4096 */
#include "cli/sitelist.h"
#include "common/url.h"
#include "proto/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(truth)                                  \
    do {                                             \
        if (!(truth)) {                              \
            fprintf(stderr, "not so: %s\n", #truth); \
            abort();                                 \
        }                                            \
    } while (0)

static void must_be_sendable(const struct site *s)
{
    static uint8_t buf[WIRE_MAX_BYTES];
    struct job j = {
        .id = 1,
        .run = {.site_id = 1, .location = "local"},
        .attempt = 1,
        .url = s->url,
        .method = s->method,
        .timeout_ms = s->timeout_ms,
        .status = s->status,
        .contains = s->contains,
        .avoid = "",
    };
    struct job_batch b = { .epoch = 1, .jobs = &j, .n_jobs = 1 };
    must(wire_pack_jobs(&b, buf, sizeof buf) > 0);
}

/* Names that are sorted, each once, and no more agreement than there are of them. */
static void must_be_at_places(const struct site *s)
{
    const char *rest = site_locations(s);
    char name[LOCATION_SIZE], before[LOCATION_SIZE] = "";
    unsigned n = 0;
    for (; location_next(&rest, name); n++) {
        must(location_valid(name) && strcmp(before, name) < 0);
        strcpy(before, name);
    }
    must(n <= SITE_MAX_LOCATIONS && s->confirm_from <= (n ? n : 1));
    must(site_needs(s->confirm_from, n) <= (n ? n : 1));
}

static void must_be_sound(const struct sitelist *l, const struct sitelist_site *x)
{
    char url[SITE_MAX_URL + 1];
    const struct site *s = &x->site;
    must(url_normalise(s->url, url, sizeof url, NULL) == 0 && strcmp(url, s->url) == 0);
    must(s->name[0] && strlen(s->name) <= SITE_MAX_NAME && strlen(s->tags) <= SITE_MAX_TAGS);
    must(sitelist_find(l, s->name) == x);
    must(sitelist_find_owner(l, x->owner) != NULL);
    must(s->every_ms >= SITE_MIN_EVERY_MS && s->every_ms <= SITE_MAX_EVERY_MS);
    must(s->timeout_ms <= s->every_ms);
    must(s->confirm.looks <= SITE_MAX_LOOKS && s->confirm.within_ms <= SITE_MAX_WITHIN_MS);
    must_be_at_places(s);
    must_be_sendable(s);
}

/* The first byte says whether it is YAML, and how a site that comes twice is taken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    scoped(text) struct text mistakes = TEXT_UP_TO(64 * 1024);
    scoped(sitelist) struct sitelist *l = NULL;
    struct err err = { 0 };
    if (size == 0)
        return 0;

    const char *name = data[0] & 1 ? "sites.yaml" : "sites.txt";
    enum sitelist_twice twice = data[0] & 2 ? SITELIST_NOTE_TWICE : SITELIST_REFUSE_TWICE;
    int r = sitelist_load_bytes(&l, name, data + 1, size - 1, twice, &mistakes, &err);
    if (r < 0) {
        must(l == NULL && err.text[0]);
        return 0;
    }
    for (size_t i = 0; i < sitelist_count(l); i++)
        must_be_sound(l, sitelist_at(l, i));
    return 0;
}
