#include "cli/statusline.h"

#include "cli/asjson.h"
#include "cli/print.h"
#include "cli/table.h"

void statusline_label(const char *name)
{
    printf("%-10s ", name);
}

void statusline_sites(const struct summary *s)
{
    static const enum health order[] = { HEALTH_UP, HEALTH_DOWN, HEALTH_SUSPECTED, HEALTH_UNKNOWN,
                                         HEALTH_NEW };
    static const enum hue hues[] = { HUE_GOOD, HUE_BAD, HUE_DOUBT, HUE_DOUBT, HUE_FAINT };
    char n[32];
    statusline_label("sites");
    printf("%s:", print_count(n, sizeof n, s->sites));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint64_t count = s->health[order[i]];
        bool coloured = count && *table_paint(stdout, hues[i]);
        printf("%s %s%s %s%s", i ? "," : "", coloured ? table_paint(stdout, hues[i]) : "",
               print_count(n, sizeof n, count), health_name(order[i]),
               coloured ? table_paint(stdout, HUE_NONE) : "");
    }
    printf(", %s paused\n", print_count(n, sizeof n, s->paused));
}

json_t *statusline_sites_json(const struct summary *s)
{
    json_t *o = json_object();
    asjson_number(&o, "all", s->sites);
    for (int h = 0; h < HEALTH_COUNT; h++)
        asjson_number(&o, health_name((enum health)h), s->health[h]);
    asjson_number(&o, "paused", s->paused);
    return o;
}
