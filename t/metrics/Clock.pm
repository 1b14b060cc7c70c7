# The time of day of a server, moved by the test: what the server runs before
# anything else adds to it what a file says.  What a process waits for is not
# of the day and stays.
#
#   my $clock = Clock->new;
#   my $t = $clock->with(sub { Gauge->new });
#   $clock->to(time - 3600);            # and on it runs from there

package Clock;

use strict;
use warnings;

use File::Temp qw(tempdir);

my $C = <<'END';
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *ahead;

__attribute__((constructor)) static void
begin(void)
{
    int fd = open(getenv("PANDO_TEST_CLOCK"), O_RDONLY);
    void *p = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);

    ahead = p == MAP_FAILED ? NULL : p;
    close(fd);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && ahead
        && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
    {
        ts->tv_sec += *ahead;
    }

    return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}

time_t
time(time_t *t)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
END


sub new
{
    my ($class) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $c = bless { file => "$dir/ahead", library => "$dir/clock.so" }, $class;

    open my $out, '>', "$dir/clock.c" or die "$dir: $!\n";
    print $out $C;
    close $out;
    system('gcc', '-O1', '-shared', '-fPIC', '-o', $c->{library}, "$dir/clock.c") == 0
        or die "gcc\n";

    $c->to(time);
    return $c;
}


# What is started in there goes by this clock.
sub with
{
    my ($c, $start) = @_;

    local $ENV{PANDO_TEST_CLOCK} = $c->{file};
    local $ENV{LD_PRELOAD} = $c->{library};
    return $start->();
}


# It is so late now.  In place, as whoever looks has the file mapped.
sub to
{
    my ($c, $at) = @_;

    open my $out, -e $c->{file} ? '+<' : '>', $c->{file} or die "$c->{file}: $!\n";
    syswrite $out, pack 'q', $at - time;
    close $out;
}

1;
