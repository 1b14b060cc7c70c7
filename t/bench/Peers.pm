# Peers: Fastify, FastAPI and ws, as others would deploy them on two cores.  One
# that cannot be had is left out, and said so.

package Peers;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep);

my $here = dirname(__FILE__) . '/peers';


sub new
{
    my ($class, $dir) = @_;
    return bless { dir => "$dir/peers", pids => [] }, $class;
}


# Its port; it is told where the database is and what to run there.
sub start
{
    my ($s, $name, %told) = @_;
    my ($port, $claim) = Pando::port();
    my $config = "$s->{dir}/$name.json";

    make_path($s->{dir});
    open my $out, '>', $config or die "$config: $!\n";
    print $out JSON::PP->new->utf8->encode({ %told, port => $port });
    close $out;

    my @command = $name eq 'fastify' || $name eq 'ws' ? $s->node($name, $config)
                : $name eq 'fastapi' ? $s->fastapi($port)
                : die "bench: there is no peer $name\n";

    if (!@command) {
        print STDERR "bench: $name is not installed, it is left out\n";
        return;
    }

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        setpgrp;
        open STDOUT, '>', "$s->{dir}/$name.log";
        open STDERR, '>&', \*STDOUT;
        $ENV{PEER} = $config;
        exec @command or POSIX::_exit(1);
    }

    push @{ $s->{pids} }, $s->{pid}{$name} = $pid;

    for (1 .. 200) {
        return $port if IO::Socket::INET->new("127.0.0.1:$port");
        sleep 0.1;
    }

    die "bench: $name does not listen: see $s->{dir}/$name.log\n";
}


sub end
{
    my ($s) = @_;

    for my $pid (splice @{ $s->{pids} }) {
        kill 'TERM', -$pid;
        waitpid $pid, 0;
    }
}


# Installed from its lock file, once for as long as that stays.
sub node
{
    my ($s, $name, $config) = @_;
    my $dir = $s->{dir};

    return if system('command -v node npm >/dev/null') != 0;

    system('cp', glob("$here/*"), $dir) == 0 or return;

    if (system('cmp', '-s', "$dir/package-lock.json", "$dir/installed") != 0) {
        system('sh', '-c', 'exec "$@" >"$0" 2>&1', "$dir/npm.log", 'npm', 'ci',
            '--prefix', $dir, qw(--ignore-scripts --no-audit --no-fund)) == 0
            or return;
        copy("$dir/package-lock.json", "$dir/installed");
    }

    return ('node', "$dir/$name.js", $config);
}


sub fastapi
{
    my ($s, $port) = @_;

    return if system('/usr/bin/python3 -c "import fastapi, asyncpg, uvicorn, uvloop,'
                     . ' httptools" 2>/dev/null') != 0;
    return ('/usr/bin/python3', '-m', 'uvicorn', '--app-dir', $here,
        'fastapi_app:app', '--host', '127.0.0.1', '--port', $port,
        '--workers', 2, '--loop', 'uvloop', '--http', 'httptools',
        '--no-access-log', '--log-level', 'warning');
}

1;
