# TLS: whom we believe, and what a probe sees.

use Pando;
use Pando::Elsewhere;
use File::Temp qw(tempdir);

my $path = '/api/v1/fetcher';
my $dir = tempdir(CLEANUP => 1);
my $ca = Pando::Elsewhere->authority($dir);
my $dns = Pando::Elsewhere->dns;

sub cert { return Pando::Elsewhere->certificate($dir, @_) }

sub server
{
    my ($cert) = @_;
    return Pando::Elsewhere->web(sub {
        my ($s, $rq) = @_;
        return $s->print(Pando::Elsewhere::answer(302, '',
            Location => 'http://127.0.0.1/')) if $rq->{path} eq '/down';
        $s->print(Pando::Elsewhere::answer(200, 'hello'));
    }, $cert ? (tls => $cert) : ());
}

my %server = (good => server(cert('good.test', 30, $ca)),
    address => server(cert('127.0.0.1', 30, $ca)),
    old => server(cert('old.test', -3, $ca)),
    strange => server(cert('strange.test', 30)),
    other => server(cert('another.test', 30, $ca)), plain => server());
my $mute = Pando::Elsewhere->serve(sub { sleep 60 });
my $mail = Pando::Elsewhere->mail;
my $rude = Pando::Elsewhere->mail(greeting => '554 go away');
my $ports = join ' ', 9, map { $_->port } values %server, $mute, $mail, $rude;
$dns->say(map { ("$_.test" => ['127.0.0.1']) } keys %server);

my $common = "pando_tenant $Pando::Token::TENANT;
    pando_outbound_allow 127.0.0.1; pando_outbound_ports $ports;
    pando_outbound_limits failures=1000;
    resolver 127.0.0.1:" . $dns->port . ' valid=1s; resolver_timeout 30s;';
my $p = Pando->new(domains => ['fetcher'], workers => 1,
    http => "$common pando_outbound_ca $ca->[0];");

sub fetch
{
    my ($name, $at, %opt) = @_;
    my $host = $name eq 'address' ? '127.0.0.1' : "$name.test";
    my $url = "https://$host:" . $server{$name}->port . ($at // '/');
    my $r = $p->put("$path/fetch", { url => $url, timeout_ms => 20000, %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}

sub probe
{
    my ($how, $host, $port, %opt) = @_;
    my $r = $p->put("$path/probe", { how => $how, host => $host,
        port => $port, timeout_ms => 20000, %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}


# transfers

my $got = fetch('good');
is $got->{error}, 'ok', 'an authority of the deployment\'s own'
    or diag explain $got;
is $got->{body}, 'hello';
is fetch('address')->{error}, 'ok', 'a certificate for an address';
$server{good}->forget;
fetch('good') for 1 .. 5;
cmp_ok $server{good}->connections, '<=', 1, 'connections are kept';

for (['old', 'expired'], ['strange', 'self|issuer|verif'],
     ['other', 'name|match'], ['plain', ''])
{
    my ($name, $why) = @$_;
    $got = fetch($name);
    is $got->{error}, 'tls', "$name.test is not believed"
        or diag explain $got;
    like $got->{why}, qr/$why/i, '- and why';
    is $got->{attempts}, 1, '- nor asked again';
}

is scalar(map { $server{$_}->requests } qw(old strange other)), 0,
    'to whom is not believed nothing is sent';
is fetch('good', '/down', redirects => 3)->{error}, 'redirect',
    'nobody is led from https to http';

$p->configure(http => $common);
$p->reload;
is fetch('good')->{error}, 'tls', 'nobody else is believed by default';
is fetch('good')->{error}, 'tls', 'nor the second time';
$p->configure(http => "$common pando_outbound_ca $ca->[0];");
$p->reload;


# probes

$got = probe('tcp', '127.0.0.1', $server{plain}->port);
is $got->{error}, 'ok', 'a port that answers' or diag explain $got;
is $got->{ip}, '127.0.0.1';
is probe('tcp', '127.0.0.1', 9)->{error}, 'connect', 'one that does not';
is probe('tcp', '127.0.0.9', 9)->{error}, 'refused_address',
    'one that is not to be called';
is probe('tcp', '127.0.0.1', 22)->{error}, 'refused_address', 'nor this';
is probe('tcp', 'none.test', 9)->{error}, 'resolve';
is probe('tcp', $_, 9)->{error}, 'bad_url', "'$_' is no host"
    for '', 'a b', 'a/b', 'u@a', 'a?b';

$got = probe('certificate', 'good.test', $server{good}->port);
is $got->{error}, 'ok', 'a certificate' or diag explain $got;
ok $got->{chain_ok} && $got->{name_ok}, 'is sound';
cmp_ok $got->{days_left}, '>=', 28, 'for days';
cmp_ok $got->{days_left}, '<=', 30;
is $got->{flaw}, undef;

$got = probe('certificate', 'old.test', $server{old}->port);
is $got->{error}, 'ok', 'one that has expired' or diag explain $got;
ok !$got->{chain_ok} && $got->{name_ok}, 'is not';
like $got->{flaw}, qr/expired/;
cmp_ok $got->{days_left}, '<', 0;

$got = probe('certificate', 'other.test', $server{other}->port);
ok $got->{error} eq 'ok' && $got->{chain_ok} && !$got->{name_ok},
    'nor for another name' or diag explain $got;
$got = probe('certificate', 'strange.test', $server{strange}->port);
ok $got->{error} eq 'ok' && !$got->{chain_ok} && $got->{name_ok},
    'nor by somebody else' or diag explain $got;
is probe('certificate', 'plain.test', $server{plain}->port)->{error}, 'tls',
    'there is none';
is probe('certificate', '127.0.0.1', $mute->port, timeout_ms => 500)->{error},
    'timeout', 'who says nothing';
is scalar(map { $_->requests } values %server),
    scalar(map { $server{$_}->requests } qw(good address)),
    'a probe sends nothing';

$got = probe('smtp', '127.0.0.1', $mail->port);
is $got->{error}, 'ok', 'a mail server' or diag explain $got;
is "$got->{code} $got->{text}", '220 mail.test is ready';
$got = probe('smtp', '127.0.0.1', $rude->port);
is "$got->{error} $got->{code}", 'denied 554', 'that says no';
is probe('smtp', '127.0.0.1', $mute->port, timeout_ms => 500)->{error},
    'timeout', 'or nothing';

done_testing;
