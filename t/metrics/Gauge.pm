# What the tests of metrics share: a server that samples every second, a
# history to write by hand, and the routes' own tables.
#
#   my $t = Gauge->new;
#   $t->history('orders', 'GET', '/api/v1/orders', -600 => [ 10, 3, 0 ]);
#   my $rule = $t->works($t->post('/alert-rules', {...}), 'POST /alert-rules', 201);
#   $t->fails($t->get('/performance?from=x'), 'GET /performance', 'invalid');
#   $t->all_provoked('metrics_performance.c');
#
# Every good answer is held against its route's round trips, every refusal is
# noted, and all_provoked() asks that none declared in that file is missing.

package Gauge;

use strict;
use warnings;

use Pando;
use Test::More;

our $OTHER = { scope => 'metrics:admin metrics:write metrics:read',
               tid => $Pando::Token::OTHER };
our $NOBODY = '01900000-0000-7000-8000-0000000000ff';
our @BOUNDS = qw(5 10 25 50 75 100 200 500 800 1000 2500 5000 7500 10000);

my $dir = "$Pando::ROOT/modules/metrics";


sub new
{
    my ($class, %set) = @_;
    my $http = delete $set{http} // '';
    my $t = bless { routes => {}, problems => {}, seen => {} }, $class;
    my $evaluates = qx(grep -l '"evaluate_seconds"' $dir/metrics_module.c)
        ? 'pando_set metrics.evaluate_seconds 1;' : '';

    $t->{p} = Pando->new(domains => ['metrics'],
        http => "pando_set metrics.sample_seconds 1; $evaluates $http", %set);
    $t->{token} = $t->{p}->token(
        scope => 'metrics:read metrics:write metrics:admin');
    $t->read_source($_) for glob "$dir/*.c";
    return $t;
}


# The problems and routes of a file, as it declares them.
sub read_source
{
    my ($t, $path) = @_;
    my ($file) = $path =~ m{([^/]+)$};
    my %own;

    open my $in, '<', $path or die "$path: $!\n";
    my $c = do { local $/; <$in> };

    while ($c =~ /^(\w+)\ =\ \{\s+\.status\ =\ (\d+),\s+\.code\ =\ "(\w+)"
                  (.*?)\n?\}[,;]$/gmsx)
    {
        my ($name, $status, $code, $rest) = ($1, $2, $3, $4);
        my ($text) = $rest =~ /\.text\s*=\s*((?:"[^"]*"\s*)+)/;

        $text = join '', $text =~ /"([^"]*)"/g;
        $own{$name} = $text;
        $t->{problems}{$name} = $text if $name =~ /^metrics_/;
    }

    while ($c =~ /\{\ PANDO_(GET|POST|PUT|PATCH|DELETE),\ "([^"]+)"(.*?)\},\n\n/gs)
    {
        my ($route, $row) = ("$1 $2", $3);
        my ($fails) = $row =~ /\.fails = \{(.*?)\}/s;
        my ($trips) = $row =~ /\.trips = (\d+)/;

        $t->{routes}{$route} = { file => $file, trips => $trips,
            own => \%own, fails => [ ($fails // '') =~ /&(\w+)/g ] };
    }
}


# Requests below /api/v1, with every scope unless a token is given.
for my $verb (qw(get delete post put patch)) {
    no strict 'refs';
    *$verb = sub {
        my ($t, $path, @rest) = @_;
        my @body = $verb =~ /^(?:get|delete)$/ ? () : shift @rest;

        return $t->{p}->$verb("/api/v1$path", @body, token => $t->{token},
                              @rest);
    };
}


# A good answer, in no more round trips than the route says.
sub works
{
    my ($t, $r, $route, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $declared = $t->{routes}{$route} or die "there is no $route\n";
    my ($trips) = ($r->header('Server-Timing') // '') =~ /desc="(\d+)"/;

    is $r->{status}, $status, $name // $route or diag $r->{body};
    cmp_ok $trips // 0, '<=', $declared->{trips} // 0,
        "$route: at most $declared->{trips} round trips";
    return $r->json;
}


sub fails
{
    my ($t, $r, $route, $code, $pointer, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $j = $r->json // {};
    my $at = ($j->{errors} // [])->[0]{pointer};

    die "there is no $route\n" unless $t->{routes}{$route};
    is join(' ', $j->{code} // $r->{status}, $pointer ? $at // () : ()),
        join(' ', $code, $pointer // ()), $name // "$route: $code"
        or diag $r->{body} || $r->{raw};
    $t->{seen}{$route}{$j->{detail} // ''} = $j->{status};
    return $j;
}


# Whether each failure that the routes of these files declare was seen.
sub all_provoked
{
    my ($t, @files) = @_;
    my %root = (pando_not_found => 'there is no such thing here',
        pando_precondition => 'the version is no longer the one in if-match');

    for my $route (sort keys %{ $t->{routes} }) {
        my $row = $t->{routes}{$route};

        next unless grep { $_ eq $row->{file} } @files;

        my @missing = grep {
            my $text = $root{$_} // $row->{own}{$_} // $t->{problems}{$_}
                // die "what is $_?\n";
            !$t->{seen}{$route}{$text};
        } @{ $row->{fails} };

        is "@missing", '', "$route: each failure it declares was provoked";
    }
}


# The history, by hand: at so many seconds from now, so many requests that
# took just under 200 ms, between 200 and 500, and so many that failed.
sub history
{
    my ($t, $service, $method, $route, @rows) = @_;
    my $p = $t->{p};

    $p->sql('INSERT INTO metrics.routes (service, method, route)
        VALUES (?, ?, ?) ON CONFLICT DO NOTHING', $service, $method, $route);

    while (my ($at, $n) = splice @rows, 0, 2) {
        my ($fast, $slow, $failed) = @$n;
        my @counts = ((0) x 6, $fast, $slow // 0, (0) x 7, $failed // 0,
                      1000 * (150 * $fast + 300 * ($slow // 0)));

        $p->sql("INSERT INTO metrics.$_->[0] AS m (route_id, at, node, counts)
            SELECT id, date_trunc(?, now() + make_interval(secs => ?), 'UTC'),
                   'by hand', ?::bigint[]
              FROM metrics.routes
             WHERE service = ? AND method = ? AND route = ?
            ON CONFLICT ON CONSTRAINT $_->[0]_pkey DO UPDATE
               SET counts = metrics.plus(m.counts, excluded.counts)",
            $_->[1], $at, '{' . join(',', @counts) . '}', $service, $method,
            $route) for [ minutes => 'minute' ], [ hours => 'hour' ],
                [ days => 'day' ];
    }
}


# What the history holds of a route, all nodes together.
sub counted
{
    my ($t, $table, $where) = @_;

    return $t->{p}->sql("SELECT coalesce(sum(metrics.requests(counts)), 0)
        FROM metrics.$table JOIN metrics.routes ON id = route_id
        WHERE $where");
}

1;
