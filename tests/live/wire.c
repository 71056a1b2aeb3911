/* Carries packets between two TUN devices with a rate, a delay and mishaps: see wire.py.

   wire NEAR FAR RATE DELAY LOSS SWAP COPY     file descriptors; bytes a second, NEAR to FAR; seconds
   one way; shares of packets that are lost, overtaken by the next, and delivered twice

   Until standard input ends; `c` on it cuts the link, `m` mends it. Compiled, since in an interpreter
   the way of a packet through here takes a third of a millisecond that no link of that rate takes. */

#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* IPv4 20, TCP 20, its timestamps 12: a rate counts what TCP carries, as traces of rates do. */
enum { PLACES = 4096, MTU = 1500, HEADERS = 52 };
static const double BUFFER = 0.25; /* seconds of sending that wait at most; more is dropped */
static const double EARLY = 1e-4;  /* seconds: sleep until then before a packet is due, then watch */

struct packet {
    double due;
    ssize_t size;
    char data[MTU];
};

struct way {
    int from, to;
    double rate, free;
    unsigned first, end; /* of what is under way */
    struct packet packets[PLACES];
};

static struct way up, down;
static double delay, loss, swaps, copies;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

/* Have a packet arrive before the one in front of it, in whose place it is put. */
static void swap(struct packet *one, struct packet *other) {
    struct packet kept = *one;
    one->size = other->size, other->size = kept.size;
    memcpy(one->data, other->data, MTU);
    memcpy(other->data, kept.data, MTU);
}

/* Read what has come: it leaves at the rate, and arrives a delay later. */
static void take(struct way *way, int whole) {
    for (;;) {
        struct packet *packet = &way->packets[way->end % PLACES];
        packet->size = read(way->from, packet->data, MTU);
        if (packet->size <= 0)
            return;
        double time = now(), begin = way->free > time ? way->free : time;
        if (!whole || begin - time > BUFFER || way->end - way->first >= PLACES - 1 || drand48() < loss)
            continue;
        way->free = begin + (packet->size > HEADERS ? packet->size - HEADERS : 0) / way->rate;
        packet->due = way->free + delay;
        way->end++;
        if (drand48() < copies && way->end - way->first < PLACES - 1)
            way->packets[way->end++ % PLACES] = *packet;
        if (drand48() < swaps && way->end - way->first > 1)
            swap(&way->packets[(way->end - 2) % PLACES], &way->packets[(way->end - 1) % PLACES]);
    }
}

/* Write what is due; returns when the next will be. */
static double deliver(struct way *way) {
    while (way->first != way->end) {
        struct packet *packet = &way->packets[way->first % PLACES];
        if (packet->due > now())
            return packet->due;
        if (write(way->to, packet->data, packet->size) < 0) {
            /* the device is full: lost, as on any link */
        }
        way->first++;
    }
    return now() + 1;
}

int main(int count, char **words) {
    if (count != 8)
        return 2;
    int near = atoi(words[1]), far = atoi(words[2]), whole = 1;
    delay = atof(words[4]), loss = atof(words[5]), swaps = atof(words[6]), copies = atof(words[7]);
    up.from = down.to = near;
    up.to = down.from = far;
    up.rate = atof(words[3]);
    down.rate = 1e9;
    prctl(PR_SET_TIMERSLACK, 1);
    struct pollfd watched[] = {{near, POLLIN, 0}, {far, POLLIN, 0}, {0, POLLIN, 0}};
    for (;;) {
        double next = deliver(&up), other = deliver(&down);
        double wait = (next < other ? next : other) - now() - EARLY;
        struct timespec time = {0, wait > 0 ? (long)(1e9 * (wait < 0.9 ? wait : 0.9)) : 0};
        ppoll(watched, 3, &time, NULL);
        if (watched[0].revents)
            take(&up, whole);
        if (watched[1].revents)
            take(&down, whole);
        if (watched[2].revents) {
            char said;
            if (read(0, &said, 1) <= 0)
                return 0;
            if (said == 'c' || said == 'm')
                whole = said == 'm';
        }
    }
}
