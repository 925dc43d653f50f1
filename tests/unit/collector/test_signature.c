#include "collector/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* From another implementation:
 *   printf '%s' "$timestamp.$body" | openssl dgst -sha256 -hmac "$secret" */
static const struct {
    const char *secret, *timestamp, *body, *signature;
} known[] = {
    {"secret",                                                                     "1772373731", "{\"kind\":\"down\"}",
     "v1=8488d18371e339d42cc3e2c26dcd68b10980cb5665f50d8ed220e47c83dec20d"                                                                                                                   },
    { "k",                                                                         "0",          "",                    "v1=6b4a4b8b3c40f1e8f53a3d36682e5f99f7ad2ac1df1c93dfe336f329167641e7"},
    { "a key that is longer than one block of SHA-256, which is sixty-four bytes", "1",          "x",
     "v1=1bf3acdd2fe5aa44f5c2a6a60f6bd82c69571a87f6253d6f5ea11a507c902bcf"                                                                                                                   },
};

static void test_known_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char got[SIGNATURE_SIZE];
        signature_v1(got, known[i].secret, known[i].timestamp, known[i].body, strlen(known[i].body));
        assert_string_equal(got, known[i].signature);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_known_signatures) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
