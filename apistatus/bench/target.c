/* The target of the benchmark: an epoll server for HTTP/1.1, as cheap as it can be.

   target DELAY_MS PORTS BODY
   Prints the ports it listens on, on loopback. With a delay each response goes out that long after its request
   came, and its body says how long it really was, in microseconds: {"served_us": 20013}, from the arrival of the
   request in the kernel to just before the response was sent. Connections stay open unless the request says
   `close`. Ends when its standard input does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define STDIN 0

struct waiting { int fd; int close; uint64_t came_ns, due_ns; };

static struct waiting queue[MOST];
static unsigned first, last; /* a ring: delays are equal, so who came first is due first */
static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s";
static char is_listener[MOST], keep[4096], closing[4096];
static int keep_len, closing_len;

static uint64_t as_ns(const struct timespec *t) {
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return as_ns(&t);
}

/* As recv, and by the wall clock when it came: as the kernel saw it, for this process may be late. */
static ssize_t receive(int fd, char *data, size_t size, uint64_t *came_ns) {
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec vector = {data, size};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, 0);
    struct cmsghdr *first = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    *came_ns = first && first->cmsg_type == SO_TIMESTAMPNS ? as_ns((struct timespec *)CMSG_DATA(first))
                                                           : now_ns(CLOCK_REALTIME);
    return got;
}

static void respond(int fd, int close_after) {
    const char *text = close_after ? closing : keep;
    ssize_t sent = send(fd, text, (size_t)(close_after ? closing_len : keep_len), MSG_NOSIGNAL);
    if (close_after || sent < 0) close(fd);
}

static void respond_late(struct waiting *who) {
    char body[64], text[512];
    int body_len = snprintf(body, sizeof body, "{\"served_us\": %llu}",
                            (unsigned long long)((now_ns(CLOCK_REALTIME) - who->came_ns) / 1000u));
    int length = snprintf(text, sizeof text, head, body_len, who->close ? "Connection: close\r\n" : "", body);
    ssize_t sent = send(who->fd, text, (size_t)length, MSG_NOSIGNAL);
    if (who->close || sent < 0) close(who->fd);
}

static int listen_on_any_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 8192)) exit(1);
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    is_listener[listener] = 1;
    return listener;
}

static void arm(int timer) {
    struct itimerspec when;
    memset(&when, 0, sizeof when);
    if (first != last) {
        uint64_t due = queue[first % MOST].due_ns;
        when.it_value.tv_sec = (time_t)(due / 1000000000u);
        when.it_value.tv_nsec = (long)(due % 1000000000u);
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

int main(int count, char **args) {
    uint64_t delay_ns = count > 1 ? strtoull(args[1], NULL, 10) * 1000000u : 0;
    int ports = count > 2 ? atoi(args[2]) : 1, one = 1;
    const char *body = count > 3 ? args[3] : "{\"ok\": true}";
    int body_len = (int)strlen(body);
    keep_len = snprintf(keep, sizeof keep, head, body_len, "", body);
    closing_len = snprintf(closing, sizeof closing, head, body_len, "Connection: close\r\n", body);

    int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = timer}, events[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
    event.data.fd = STDIN;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN, &event);
    for (int i = 0; i < ports; i++) {
        event.data.fd = listen_on_any_port();
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
    }
    fflush(stdout);

    for (;;) {
        int ready = epoll_wait(poll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            char data[8192];
            if (fd == STDIN) {
                if (read(STDIN, data, sizeof data) <= 0) return 0;
            } else if (is_listener[fd]) {
                int peer;
                while ((peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    event.events = EPOLLIN;
                    event.data.fd = peer;
                    epoll_ctl(poll, EPOLL_CTL_ADD, peer, &event);
                }
            } else if (fd == timer) {
                uint64_t ticks;
                if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) return 1;
                while (first != last && queue[first % MOST].due_ns <= now_ns(CLOCK_MONOTONIC)) {
                    respond_late(&queue[first++ % MOST]);
                }
                arm(timer);
            } else {
                uint64_t came_ns;
                ssize_t got = receive(fd, data, sizeof data - 1, &came_ns);
                if (got <= 0) {
                    if (got == 0 || errno != EAGAIN) close(fd);
                    continue;
                }
                data[got] = 0;
                int close_after = strcasestr(data, "\r\nconnection: close") != NULL;
                if (!delay_ns) {
                    respond(fd, close_after);
                } else {
                    queue[last % MOST] = (struct waiting){fd, close_after, came_ns, now_ns(CLOCK_MONOTONIC) + delay_ns};
                    if (last++ == first) arm(timer);
                }
            }
        }
    }
}
