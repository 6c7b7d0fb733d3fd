/* The floor of the benchmark: a client in C that does for a check what cannot be left out, and nothing else.

   floor COUNT AT_ONCE tls|plain CA_FILE PORT...
   Fresh connections to loopback, to the ports in turn, a prepared GET each, the response read to its promised end, its status looked
   at. Prints microseconds of CPU per check. TLS: one shared context, verification on, no resumption. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

struct check {
    int fd, sent;
    size_t got;
    char data[4096];
#ifdef WITH_TLS
    SSL *tls;
#endif
};

static const char request[] =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nConnection: close\r\nUser-Agent: floor\r\n\r\n";
static struct sockaddr_in address = {.sin_family = AF_INET};
static unsigned short ports[1024];
static int poll_fd, port_count;
#ifdef WITH_TLS
static SSL_CTX *context;
#endif

static void begin(struct check *check) {
    static int turn;
    address.sin_port = ports[turn++ % port_count];
    check->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check->sent = 0;
    check->got = 0;
    if (connect(check->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) exit(2);
#ifdef WITH_TLS
    if (context) {
        check->tls = SSL_new(context);
        SSL_set_fd(check->tls, check->fd);
        SSL_set_connect_state(check->tls);
    }
#endif
    struct epoll_event event = {.events = EPOLLOUT | EPOLLIN | EPOLLET, .data.ptr = check};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, check->fd, &event);
}

/* As send and recv: what was moved, 0 at the end, -1 when it has to wait. */
static ssize_t put(struct check *check) {
#ifdef WITH_TLS
    if (check->tls) {
        int done = SSL_write(check->tls, request, sizeof request - 1);
        if (done > 0) return done;
        int why = SSL_get_error(check->tls, done);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -1;
        exit(3);
    }
#endif
    ssize_t done = send(check->fd, request, sizeof request - 1, MSG_NOSIGNAL);
    if (done < 0 && errno != EAGAIN && errno != ENOTCONN) exit(4);
    return done;
}

static ssize_t get(struct check *check) {
    size_t room = sizeof check->data - 1 - check->got;
#ifdef WITH_TLS
    if (check->tls) {
        int done = SSL_read(check->tls, check->data + check->got, (int)room);
        if (done > 0) return done;
        return SSL_get_error(check->tls, done) == SSL_ERROR_WANT_READ ? -1 : 0;
    }
#endif
    ssize_t done = recv(check->fd, check->data + check->got, room, 0);
    if (done < 0 && errno != EAGAIN) exit(8);
    return done;
}

static int whole(struct check *check) {
    check->data[check->got] = 0;
    char *end = strstr(check->data, "\r\n\r\n"), *length = strcasestr(check->data, "\r\ncontent-length:");
    if (!end || !length) return 0;
    return check->got >= (size_t)(end + 4 - check->data) + strtoul(length + 17, NULL, 10);
}

int main(int count, char **args) {
    if (count < 6 || count > 1029) return 1;
    long wanted = atol(args[1]), at_once = atol(args[2]), begun = 0, ended = 0;
    while (port_count < count - 5) {
        ports[port_count] = htons((unsigned short)atoi(args[5 + port_count]));
        port_count++;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!strcmp(args[3], "tls")) {
#ifdef WITH_TLS
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_locations(context, args[4], NULL) != 1) return 5;
#else
        return 6;
#endif
    }
    poll_fd = epoll_create1(0);
    struct check *checks = calloc((size_t)at_once, sizeof *checks);
    struct epoll_event events[256];
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (; begun < at_once && begun < wanted; begun++) begin(&checks[begun]);
    while (ended < wanted) {
        int ready = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct check *check = events[i].data.ptr;
            if (!check->sent) {
                if (put(check) < 0) continue;
                check->sent = 1;
            }
            for (;;) {
                ssize_t got = get(check);
                if (got < 0) break;
                check->got += (size_t)got;
                if (got && !whole(check)) continue;
                if (!whole(check) || memcmp(check->data + 9, "200", 3)) return 7;
#ifdef WITH_TLS
                if (check->tls) SSL_free(check->tls);
                check->tls = NULL;
#endif
                close(check->fd);
                ended++;
                if (begun < wanted) {
                    begun++;
                    begin(check);
                }
                break;
            }
        }
    }
    getrusage(RUSAGE_SELF, &after);
    double us = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1e6 +
                (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec);
    printf("%.3f\n", us / (double)wanted);
    return 0;
}
