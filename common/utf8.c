#include "common/utf8.h"

#include <stdint.h>

size_t utf8_length(const char *s, size_t len)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } rows[] = {
        {0x80,  0x00, 0      },
        { 0xe0, 0xc0, 0x80   },
        { 0xf0, 0xe0, 0x800  },
        { 0xf8, 0xf0, 0x10000},
    };
    const uint8_t *b = (const uint8_t *)s;
    for (size_t n = 0; n < sizeof rows / sizeof *rows && n < len; n++) {
        if ((b[0] & rows[n].mask) != rows[n].lead)
            continue;
        uint32_t c = b[0] & (uint8_t)~rows[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((b[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (b[i] & 0x3f);
        }
        return c < rows[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n + 1;
    }
    return 0;
}
