/* The pages over real sockets: what they answer, and what readers who are slow or hostile get. */
#include "common/pages.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct metric_row rows[] = {
    {"vedette_test_jobs_total", METRIC_COUNTER, "", "Jobs"}
};
static const struct metric_table table = { rows, 1 };

struct house {
    struct board *board;
    struct board_place *place;
    struct sheet *sheet;
    struct loop *loop;
    struct pages *pages;
    unsigned port;
};

/* A long page: "N lines", or what is asked for: it fails, or goes on for ever. */
static atomic_uint writers;

static int write_lines(void *arg, const char *query, struct page_out *o)
{
    char line[64];
    (void)arg;
    unsigned long most = query && strcmp(query, "endless") == 0 ? ULONG_MAX : 200000;
    atomic_fetch_add(&writers, 1);
    bool read = true;
    for (unsigned long i = 0; read && i < most; i++) {
        int n = snprintf(line, sizeof line, "line %lu of a long page\n", i);
        read = page_put(o, line, (size_t)n);
    }
    atomic_fetch_sub(&writers, 1);
    return query && strcmp(query, "bad") == 0 ? -EIO : 0;
}

static const struct pages_long number_line = { "/long", write_lines, NULL };

static void pin(struct house *h, enum board_word word, const char *why, mono_ns now)
{
    sheet_put(h->sheet, &rows[0], 17);
    board_pin(h->place, &h->sheet, word, why, now);
}

static int build(void **state)
{
    static struct house h;
    struct err err = { 0 };
    h = (struct house){ .port = 0 };
    signal(SIGPIPE, SIG_IGN);
    if (board_new(&h.board, "tester", &table, BOARD_ALL_READY, &err) < 0 ||
        board_take_place(h.board, "only", BOARD_SILENCE_NS, clock_mono(), &h.place) < 0 ||
        sheet_new(&h.sheet) < 0 || loop_new(&h.loop) < 0 ||
        pages_new(&h.pages, h.loop, h.board, "127.0.0.1:0", &number_line, &err) < 0)
        fail_msg("%s", err.text);
    h.port = (unsigned)atoi(strrchr(pages_at(h.pages), ':') + 1);
    pin(&h, BOARD_CAN, "", clock_mono());
    *state = &h;
    return 0;
}

static int tear_down(void **state)
{
    struct house *h = *state;
    pages_free(h->pages);
    loop_free(h->loop);
    board_free(h->board);
    sheet_free(h->sheet);
    return 0;
}

/* ── A reader ──────────────────────────────────────────────────────────── */

static int dial(const struct house *h)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)h->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void say(int fd, const char *words)
{
    size_t left = strlen(words);
    while (left > 0) {
        ssize_t n = send(fd, words, left, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* it hung up: what it says is still to be read */
        words += n;
        left -= (size_t)n;
    }
}

/* All that comes until the other end closes; NULL when that takes longer. */
static const char *hear(int fd, int patience_ms)
{
    static char all[1 << 23];
    size_t len = 0;
    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, patience_ms) <= 0)
            return NULL;
        ssize_t n = recv(fd, all + len, sizeof all - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    all[len] = '\0';
    return all;
}

static const char *ask(const struct house *h, const char *request)
{
    int fd = dial(h);
    say(fd, request);
    const char *said = hear(fd, 10000);
    close(fd);
    if (!said)
        fail_msg("no answer, or no end of it, to: %.80s", request);
    return said;
}

static const char *get(const struct house *h, const char *path)
{
    char request[200];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    return ask(h, request);
}

static const char *body(const char *answer)
{
    const char *at = strstr(answer, "\r\n\r\n");
    assert_non_null(at);
    return at + 4;
}

static void assert_status(const char *answer, unsigned status)
{
    char line[40];
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("not %u but: %.200s", status, answer);
}

/* ── What they answer ──────────────────────────────────────────────────── */

static void metrics(void **state)
{
    const struct house *h = *state;
    const char *answer = get(h, "/metrics");
    assert_status(answer, 200);
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strcasestr(answer, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(body(answer), "\nvedette_test_jobs_total 17\n"));
    assert_non_null(strstr(body(answer), "# TYPE vedette_build_info gauge\n"));
    assert_status(get(h, "/metrics?name[]=x"), 200);
}

static void healthy_and_ready(void **state)
{
    struct house *h = *state;
    assert_status(get(h, "/-/healthy"), 200);
    assert_string_equal(body(get(h, "/-/ready")), "ready\n");
    pin(h, BOARD_CANNOT, "the disk is full", clock_mono());
    const char *answer = get(h, "/-/ready");
    assert_status(answer, 503);
    assert_string_equal(body(answer), "only: the disk is full\n");
    assert_status(get(h, "/-/healthy"), 200);
    pin(h, BOARD_CAN, "", clock_mono() - 6 * NS_PER_S); /* as if the loop had stood still since */
    answer = get(h, "/-/healthy");
    assert_status(answer, 503);
    assert_non_null(strstr(body(answer), "only: its loop has not come round for 6."));
}

static void other_requests(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",                                       200},
        { "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",                               404},
        { "GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n",                              404},
        { "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",                         404},
        { "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",    405},
        { "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\nhel", 405},
        { "DELETE /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n",                          405},
        { "complete nonsense\r\n\r\n",                                              0  },
    };
    const struct house *h = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = ask(h, cases[i].request);
        if (cases[i].status)
            assert_status(answer, cases[i].status);
        else
            assert_null(strstr(answer, " 200 "));
    }
    assert_non_null(strstr(ask(h, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"), "\r\nAllow: GET, HEAD\r\n"));
    const char *head = ask(h, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_status(head, 200);
    assert_string_equal(body(head), "");
    assert_string_equal(body(get(h, "/")), "/metrics\n/-/healthy\n/-/ready\n/long\n");
}

/* ── A long page ───────────────────────────────────────────────────────── */

static void a_long_page_comes_whole(void **state)
{
    const struct house *h = *state;
    const char *answer = ask(h, "GET /long HTTP/1.0\r\n\r\n"); /* without chunks */
    assert_non_null(strstr(answer, " 200 "));
    unsigned long i = 0;
    for (const char *at = body(answer); *at; i++) {
        char line[64];
        int n = snprintf(line, sizeof line, "line %lu of a long page\n", i);
        if (strncmp(at, line, (size_t)n) != 0)
            fail_msg("no line %lu: %.40s", i, at);
        at += n;
    }
    assert_int_equal(i, 200000);
    answer = get(h, "/long");
    assert_string_equal(answer + strlen(answer) - 5, "0\r\n\r\n"); /* its end is told */
    answer = get(h, "/long?site=bad");
    assert_string_not_equal(answer + strlen(answer) - 5, "0\r\n\r\n");
}

static void nobody_writes_for_nobody(void **state)
{
    const struct house *h = *state;
    int fd[PAGES_MAX_STREAMS];
    mono_ns end = clock_mono() + 20 * NS_PER_S;
    for (int i = 0; i < PAGES_MAX_STREAMS; i++) {
        fd[i] = dial(h);
        say(fd[i], "GET /long?site=endless HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    while (atomic_load(&writers) < PAGES_MAX_STREAMS && clock_mono() < end)
        usleep(1000);
    assert_status(get(h, "/long"), 503);
    assert_status(get(h, "/metrics"), 200);
    for (int i = 0; i < PAGES_MAX_STREAMS; i++)
        close(fd[i]);
    while (atomic_load(&writers) > 0 && clock_mono() < end)
        usleep(1000);
    assert_int_equal(atomic_load(&writers), 0);
    int last = dial(h); /* and one that is there when all ends: it is not closed */
    say(last, "GET /long?site=endless HTTP/1.1\r\nHost: x\r\n\r\n");
    while (atomic_load(&writers) == 0 && clock_mono() < end)
        usleep(1000);
}

/* ── Those who are slow, or many ───────────────────────────────────────── */

static void a_head_has_an_end(void **state)
{
    const struct house *h = *state;
    char *request = malloc(100000);
    strcpy(request, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
    memset(request + strlen(request), 'x', 90000);
    strcpy(request + 90000, "\r\n\r\n");
    int fd = dial(h);
    say(fd, request);
    const char *said = hear(fd, 10000);
    assert_true(said && !strstr(said, " 200 "));
    close(fd);
    free(request);
    assert_status(get(h, "/metrics"), 200);
}

static void more_than_there_are_places_for(void **state)
{
    enum { MANY = PAGES_MAX_CONNECTIONS };
    const struct house *h = *state;
    int silent[MANY];
    for (int i = 0; i < MANY; i++) {
        silent[i] = dial(h);
        say(silent[i], "GET /metr");
    }
    for (int i = 0; i < MANY; i++) /* none has been sent away */
        assert_int_equal(poll(&(struct pollfd){ .fd = silent[i], .events = POLLIN }, 1, 0), 0);
    for (int i = 0; i < MANY; i++)
        close(silent[i]);
    mono_ns end = clock_mono() + 20 * NS_PER_S;
    while (!*get(h, "/-/healthy") && clock_mono() < end) /* whoever is one too many is sent away */
        usleep(10000);
    for (int i = 0; i < 3 * MANY; i++) /* and their places are free again */
        assert_status(get(h, "/-/healthy"), 200);
}

/* A byte every now and then is no silence, and has an end all the same. */
static void a_visit_has_an_end(void **state)
{
    struct house *h = *state;
    pages_set_times(h->pages, NS_PER_S, NS_PER_S);
    int fd = dial(h);
    mono_ns began = clock_mono(), end = began + 20 * NS_PER_S;
    bool ended = false;
    while (!ended && clock_mono() < end) {
        say(fd, "G");
        loop_turn(h->loop, 100);
        char byte;
        ended = recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR);
    }
    close(fd);
    assert_true(ended && clock_mono() - began > NS_PER_S / 2);
    assert_status(get(h, "/-/healthy"), 200);
}

static void a_reader_who_does_not_read(void **state)
{
    struct house *h = *state;
    int small = 1024, fd = dial(h);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 20; i++)
        assert_status(get(h, "/metrics"), 200);
    close(fd);
}

/* ── A place that is taken ─────────────────────────────────────────────── */

static void a_place_that_is_taken_is_tried_again(void **state)
{
    struct house *h = *state;
    struct pages *second = NULL;
    char place[40];
    snprintf(place, sizeof place, "127.0.0.1:%u", h->port);
    assert_int_equal(pages_new(&second, h->loop, h->board, place, NULL, NULL), 0);
    assert_string_equal(pages_at(second), "");
    pages_set_times(second, NS_PER_S, NS_PER_S);
    pages_free(h->pages);
    h->pages = second;
    mono_ns end = clock_mono() + 20 * NS_PER_S;
    while (!*pages_at(second) && clock_mono() < end)
        loop_turn(h->loop, 100);
    assert_string_equal(pages_at(second), place);
    assert_status(get(h, "/-/healthy"), 200);
}

static void nowhere(void **state)
{
    struct house *h = *state;
    struct pages *none = (struct pages *)1;
    struct err err = { 0 };
    assert_int_equal(pages_new(&none, h->loop, h->board, "", NULL, &err), 0);
    assert_null(none);
    assert_int_equal(pages_new(&none, h->loop, h->board, "nowhere", NULL, &err), -EINVAL);
    pages_free(NULL);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(metrics),
        STORY(healthy_and_ready),
        STORY(other_requests),
        STORY(a_long_page_comes_whole),
        STORY(nobody_writes_for_nobody),
        STORY(a_head_has_an_end),
        STORY(more_than_there_are_places_for),
        STORY(a_visit_has_an_end),
        STORY(a_reader_who_does_not_read),
        STORY(a_place_that_is_taken_is_tried_again),
        STORY(nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
