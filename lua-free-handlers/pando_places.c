/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Which zones a country has, as the system's tzdata tells: one file, read at
 * the first question of a worker and kept.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pando_civil.h"


#define FILE_OF  "/usr/share/zoneinfo/zone.tab"
#define LARGEST  262144


static const char *table(void);


size_t
pando_country_zones(const char *country, const pando_zone_t **out,
    size_t most)
{
    char                 name[48];
    size_t               len, n = 0;
    const char          *at, *s, *end;
    const pando_zone_t  *zone;

    for (at = table(); *at && n < most; at = *end ? end + 1 : end) {
        end = at + strcspn(at, "\n");

        if (strncmp(at, country, 2) != 0 || at[2] != '\t'
            || country[0] == '\0' || country[2] != '\0')
        {
            continue;
        }

        s = memchr(at + 3, '\t', (size_t) (end - at - 3));
        len = s ? strcspn(s + 1, "\t\n") : sizeof(name);

        if (len < sizeof(name)) {
            memcpy(name, s + 1, len);
            name[len] = '\0';
            zone = pando_zone(name);

            if (zone) {
                out[n++] = zone;
            }
        }
    }

    return n;
}


/* Empty, where there is none. */

static const char *
table(void)
{
    static char  *text;

    int          fd;
    size_t       n = 0;
    ssize_t      got = 1;
    struct stat  st;

    if (text) {
        return text;
    }

    fd = open(FILE_OF, O_RDONLY|O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size < LARGEST) {
        text = calloc(1, (size_t) st.st_size + 1);

        while (text && got > 0 && n < (size_t) st.st_size) {
            got = read(fd, text + n, (size_t) st.st_size - n);
            n += got > 0 ? (size_t) got : 0;
        }
    }

    if (fd >= 0) {
        close(fd);
    }

    return text ? text : "";
}
