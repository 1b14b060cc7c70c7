# What is shipped for Prometheus and Grafana: promtool is content, the rules do
# what they say, every series they ask for is there, and Prometheus itself runs
# with them against a node.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes ();

my $t = Gauge->new(workers => 2);
my $p = $t->{p};
my $shipped = "$Pando::ROOT/conf/prometheus";
my $rules = slurp("$shipped/pando.rules.yml");
my $pid;                                        # of Prometheus
my $board = JSON::PP->new->utf8->decode(slurp("$shipped/grafana/pando.json"));

sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!\n"; local $/; return <$in> }

sub said
{
    open my $from, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @_ or die "$_[0]: $!\n";
    my $text = do { local $/; <$from> };
    close $from;
    return $? ? $text : '';
}


# The names: what is asked for is counted or recorded, what is recorded is used

$t->get('/performance') for 1 .. 3;

my $text = $p->get('/metrics')->{body};
my %known = map { $_ => 1 } $text =~ /^(\w+)(?:\{| )/gm;
my %recorded = map { $_ => 1 } $rules =~ /- record: (\S+)/g;
my @asked = ($rules =~ /expr: (?:>-\n)?((?:(?!\n\n|\n +(?:for|labels):).)+)/gs,
    map { map { $_->{expr} } @{ $_->{targets} } } @{ $board->{panels} });
my %used;

for my $expr (@asked) {
    (my $plain = $expr) =~ s/"[^"]*"|\{[^}]*\}|\[\w+\]|\b(?:by|on) \([^)]*\)//g;
    $used{$_} = 1 for grep { /_|:/ && !/^(?:histogram_quantile|max_over_time)$/ }
        $plain =~ /\b([a-z][\w:]*)/g;
}

delete $used{humanizePercentage};
cmp_ok scalar keys %used, '>', 20, 'many series are asked for';
is_deeply [ grep { !$known{$_} && !$recorded{$_} } sort keys %used ], [], 'all of them are there';
is_deeply [ grep { !$used{$_} } sort keys %recorded ], [], 'and what is recorded is asked for';
is join(' ', grep { !/\{domain="[^"]+",route="[^"]+",method="[^"]+",status="\d+"[,}]/ }
    $text =~ /^(http_server_request_duration_seconds_\w+\{.*?\})/gm), '',
    'with the labels that they sum by';

my @cells = map { my $g = $_->{gridPos}; map { my $y = $_; map { "$_ $y" }
    $g->{x} .. $g->{x} + $g->{w} - 1 } $g->{y} .. $g->{y} + $g->{h} - 1 } @{ $board->{panels} };
my (%cell, %id);
is_deeply [ grep { $cell{$_}++ } @cells ], [], 'no panel covers another';
is_deeply [ grep { $id{$_->{id}}++ } @{ $board->{panels} } ], [], 'and each has its own id';


# promtool

SKIP: {
    skip 'promtool is not installed', 3 if said('promtool', '--version');

    is said('promtool', 'check', 'config', "$shipped/prometheus.yml"), '', 'the configuration';
    is said('promtool', 'check', 'rules', '--lint=all', '--lint-fatal',
        "$shipped/pando.rules.yml"), '', 'the rules';

    my $tests = slurp("$FindBin::Bin/prometheus_rules.yml");
    $tests =~ s/RULES/$shipped\/pando.rules.yml/;
    is said('promtool', 'test', 'rules', $p->write('rules.yml', $tests)), '', 'and what they do';
}


# Prometheus

SKIP: {
    skip 'prometheus is not installed', 1 if said('prometheus', '--version');

    my ($port, $claim) = Pando::port();
    my $conf = slurp("$shipped/prometheus.yml");
    my $http = HTTP::Tiny->new(timeout => 10);

    $conf =~ s/pando\.rules\.yml/$shipped\/pando.rules.yml/;
    $conf =~ s/127\.0\.0\.1:8080/127.0.0.1:$p->{port}/;
    $conf =~ s/(scrape_interval|evaluation_interval): \w+/$1: 1s/g;
    $conf = $p->write('prometheus.yml', $conf);

    $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDOUT, '>', "$p->{dir}/prometheus.log";
        open STDERR, '>&', \*STDOUT;
        exec 'prometheus', "--config.file=$conf", "--storage.tsdb.path=$p->{dir}/tsdb",
            "--web.listen-address=127.0.0.1:$port" or die "prometheus: $!\n";
    }

    my $ask = sub {
        my ($path, %form) = @_;
        my $r = $http->post_form("http://127.0.0.1:$port/api/v1/$path", \%form);
        my $j = eval { JSON::PP->new->utf8->decode($r->{content}) } // {};
        return ($j->{status} // '') eq 'success' ? $j->{data}{result} // $j->{data} : undef;
    };
    my $groups = sub {
        my $r = $http->get("http://127.0.0.1:$port/api/v1/rules");
        return $r->{success} ? JSON::PP->new->utf8->decode($r->{content})->{data}{groups} : [];
    };

    ok $p->wait_for(sub {
        my $up = $ask->('query', query => 'up{job="pando"}');
        $up && @$up && $up->[0]{value}[1] == 1;
    }, 30), 'Prometheus scrapes a node' or diag $p->log('prometheus.log');
    $t->get('/performance') for 1 .. 20;
    ok $p->wait_for(sub {
        my @all = map { @{ $_->{rules} } } @{ $groups->() };
        @all > 20 && !grep { $_->{health} ne 'ok' } @all;
    }, 30), 'all rules can be evaluated';
    ok $p->wait_for(sub {
        my $rate = $ask->('query', query => 'domain_route:http_requests:rate5m{domain="metrics"}');
        $rate && @$rate && $rate->[0]{value}[1] > 0;
    }, 30), 'and tell what was asked';
    is_deeply [ grep { !defined $ask->('query', query => $_) } map { map { $_->{expr} }
        @{ $_->{targets} } } @{ $board->{panels} } ], [], 'every panel\'s question has an answer';
    is_deeply [ map { $_->{name} } grep { ($_->{state} // '') eq 'firing' }
        map { @{ $_->{rules} } } @{ $groups->() } ], [ 'Watchdog' ],
        'of a node that is well only the watchdog barks';

}

END { local $?; kill 'TERM', $pid and waitpid $pid, 0 if $pid }

done_testing;
