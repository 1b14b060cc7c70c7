# Nobody is called who is not to be: whatever form an address has, whoever
# says it, and whenever.

use Pando;
use Pando::Elsewhere;

my $path = '/api/v1/fetcher';
my $here = Pando::Elsewhere->web(\&hello);
my $hidden = Pando::Elsewhere->web(\&hello, host => '127.0.0.9',
                                   port => $here->port);
my $port = $here->port;
my $dns = Pando::Elsewhere->dns;
my $common = "pando_tenant $Pando::Token::TENANT;
              pando_outbound_limits failures=1000 connect=2s;";
my $p = Pando->new(domains => ['fetcher'], workers => 1,
    http => "$common pando_outbound_ports 80 443 8443 $port;");

sub hello
{
    my ($s, $rq) = @_;
    $s->print(Pando::Elsewhere::answer(200, "hello at " . $s->sockhost));
}

sub fetch
{
    my ($url, %opt) = @_;
    my $r = $p->put("$path/fetch", { url => $url, %opt });
    return $r->json // { error => "status $r->{status}", why => $r->{body} };
}

sub allowed
{
    my ($url) = @_;
    my $r = $p->put("$path/allowed", { url => $url });
    return $r->json // { may => "status $r->{status}", why => '' };
}


# addresses, in every form

my @refused = (
    # this host, this network
    '127.0.0.1', '127.0.0.2', '127.255.255.254', '127.1', '127.0.1',
    '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001',
    '0x7F.0X0.0.1', '0.0.0.0', '0', '0.1.2.3', '127.0.0.1.', '%31%32%37.0.0.1',
    '[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[::0001]',
    # private networks
    '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255',
    '192.168.0.1', '192.168.255.255', '0xa000001', '167772161', '3232235521',
    '100.64.0.1', '100.127.255.255', '[fc00::1]', '[fd00:ec2::254]',
    '[fdff:ffff::1]',
    # the link, metadata
    '169.254.169.254', '169.254.0.1', '0xa9fea9fe', '2852039166',
    '0251.0376.0251.0376', '169.254.43518', '100.100.100.200',
    '192.0.0.192', '168.63.129.16', '[fe80::1]', '[febf::1]', '[fec0::1]',
    # many, all, none
    '224.0.0.1', '239.255.255.255', '255.255.255.255', '240.0.0.1',
    '[ff02::1]', '[ff0e::1]',
    # for documentation, benchmarks and the like
    '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '198.19.0.1',
    '192.88.99.1', '[2001:db8::1]', '[100::1]', '[2001:2::1]', '[3fff::1]',
    '[5f00::1]', '[4000::1]',
    # IPv4 in IPv6
    '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:10.0.0.1]',
    '[::ffff:8.8.8.8]', '[::127.0.0.1]', '[::7f00:1]', '[64:ff9b::7f00:1]',
    '[64:ff9b::8.8.8.8]', '[64:ff9b:1::a00:1]', '[2002:7f00:1::1]',
    '[2002:a00:1::]', '[2001:0:7f00:1::]', '[::ffff:0:127.0.0.1]',
    # by name
    'localhost', 'LOCALHOST', 'a.localhost', 'localhost.',
);

cmp_ok scalar @refused, '>=', 60, 'there are many forms';

for my $host (@refused) {
    my $may = allowed("http://$host/x");
    ok !$may->{may}, "$host may not be stored" or diag explain $may;
    like $may->{why}, qr/ is not to be called|names no host/, '- and why';
    my $got = fetch("http://$host:$port/x");
    like $got->{error}, $host =~ /localhost/ ? qr/^(?:refused_|resolve)/
        : qr/^(?:refused_address|bad_url)$/, '- nor called'
        or diag explain $got;
}

for my $host ('8.8.8.8', '1.1.1.1', '9.255.255.255', '11.0.0.1',
              '172.15.255.255', '172.32.0.1', '192.167.255.255',
              '100.63.255.255', '100.128.0.1', '223.255.255.255',
              '[2606:4700::1111]', '[2a00:1450::1]', 'example.com',
              'a-b.example.com', 'xn--bcher-kva.example', '134744072')
{
    my $may = allowed("https://$host/x");
    ok $may->{may}, "$host may be" or diag explain $may;
}


# URLs

for (['ftp://example.com/', 'http'], ['file:///etc/passwd', 'understood'],
     ['gopher://example.com/', 'http'], ['//example.com/', 'understood'],
     ['example.com', 'understood'], ['http://', 'understood'], ['', 'understood'],
     ['http:///path', 'understood|host'], ['javascript:alert(1)', ''],
     ['http://u@example.com/', 'user'], ['http://u:p@example.com/', 'user'],
     ['http://example.com@127.0.0.1/', 'user'],
     ['http://example.com:0/', 'understood|port'], ['http://example.com:99999/', 'understood'],
     ['http://example.com:22/', 'port 22'], ['http://example.com:6379/', 'port'],
     ['http://exa mple.com/', 'understood'], ["http://example.com/a b", 'understood'],
     ['http://[::1/', 'understood'], ['http://[fe80::1%25eth0]/', 'host'],
     ["http://b\x{fc}cher.example/", 'punycode|understood'],
     ['http://a..b/', 'host'], ['http://.a/', 'host'],
     ['http://1.2.3.4.5/', 'host'], ['http://example.0x7f/', 'host'],
     ['http://1.2.3.256/', 'host'], ['http://a_b$c.example/', 'punycode|understood'],
     ['http://' . 'a' x 300 . '.example/', 'host'],
     ['http://example.com/' . 'a' x 5000, 'long'],
     ['http://example.com\\@127.0.0.1/', ''], ['http:/\\127.0.0.1/', ''])
{
    my ($url, $why) = @$_;
    my $got = allowed($url);
    ok !$got->{may} && $got->{why} =~ /$why/,
        substr($url, 0, 60) . ' is refused' or diag explain $got;
    is fetch($url)->{error}, $got->{why} =~ /not to be called/
        ? 'refused_address' : 'bad_url', '- in both ways';
}

is $here->connections + $hidden->connections, 0, 'nobody was called';


# names, from nginx's resolver

$p->configure(http => "$common pando_outbound_ports $port;
    pando_outbound_allow 127.0.0.1; resolver 127.0.0.1:" . $dns->port
    . ' valid=1s; resolver_timeout 30s;');
$p->reload;
$dns->say('one.test' => ['127.0.0.1'], 'inner.test' => ['10.0.0.1'],
    'both.test' => ['127.0.0.1', '10.0.0.1'], 'six.test' => ['::1'],
    'mixed.test' => ['127.0.0.1', '::ffff:127.0.0.1'],
    'nat.test' => ['64:ff9b::7f00:1'], 'empty.test' => [],
    'mute.test' => ['silence'], 'moves.test' => ['127.0.0.1'],
    'linklocal.test' => ['169.254.169.254'], 'zero.test' => ['0.0.0.0']);

my $got = fetch("http://one.test:$port/");
is $got->{body}, 'hello at 127.0.0.1', 'a name' or diag explain $got;
is $got->{ip}, '127.0.0.1';
is fetch("http://ONE.test.:$port/")->{error}, 'ok', 'in any case of letters';

for (qw(inner both six mixed nat linklocal zero)) {
    my $got = fetch("http://$_.test:$port/");
    is $got->{error}, 'refused_address', "$_.test" or diag explain $got;
}

for (qw(empty none)) {
    $got = fetch("http://$_.test:$port/");
    is $got->{error}, 'resolve', "$_.test" or diag explain $got;
}

$got = fetch("http://mute.test:$port/", timeout_ms => 700);
is $got->{error}, 'resolve', 'a server that says nothing' or diag explain $got;
like $got->{why}, qr/in time/;


# a name that moves to a hidden place between the check and the use

is fetch("http://moves.test:$port/")->{body}, 'hello at 127.0.0.1';
$here->forget;
$dns->forget;
$dns->say('moves.test' => ['127.0.0.9']);

my %seen;
ok $p->wait_for(sub {
    $got = fetch("http://moves.test:$port/");
    $seen{$got->{error}}++;
    $got->{error} ne 'ok';
}, 30), 'a name moves';
is $got->{error}, 'refused_address', 'to where nobody is called';
is $hidden->connections, 0, 'and nobody was';
is $here->connections, 0, 'what had been asked meanwhile went to the old place'
    . ' by a kept connection';

$dns->say('moves.test' => ['127.0.0.1']);
ok $p->wait_for(sub {
    fetch("http://moves.test:$port/")->{error} eq 'ok' }, 30), 'it moves back';
ok !grep({ $_->{name} ne 'moves.test' } $dns->notes),
    'no name is looked up but the one asked for';

# each answer another address: what is connected to is what was checked
$p->configure(http => "$common pando_outbound_ports $port;
    pando_outbound_allow 127.0.0.0/8; resolver 127.0.0.1:" . $dns->port . ';');
$p->reload;

for my $n (1 .. 5) {
    my $at = $n % 2 ? '127.0.0.9' : '127.0.0.1';
    $dns->say('turns.test' => [$at]);
    ok $p->wait_for(sub {
        $got = fetch("http://turns.test:$port/");
        return $got->{body} eq "hello at $at" && $got->{ip} eq $at;
    }, 30), "now it is at $at";
}


# names, from the system's resolver in a thread

$p->configure(http => "$common pando_outbound_ports $port;
                       pando_outbound_allow 127.0.0.0/8 ::1;");
$p->reload;
$got = fetch("http://localhost:$port/");
is $got->{error}, 'ok', 'localhost, where it is allowed' or diag explain $got;
ok allowed("http://localhost:$port/")->{may}, 'and may be stored';
is fetch("http://no-such-name.invalid:$port/")->{error}, 'resolve',
    'no such name';
my @many = $p->parallel(map { [ PUT => "$path/fetch",
    body => { url => "http://localhost:$port/" } ] } 1 .. 50);
is scalar(grep { ($_->json // {})->{error} eq 'ok' } @many), 50, 'many at once';


# wrong settings

for (['pando_outbound_allow 127.0.0.300;', 'network'],
     ['pando_outbound_ports 0;', 'port'], ['pando_outbound_ports x;', 'port'],
     ['pando_outbound_limits transfers=0;', 'limit'],
     ['pando_outbound_limits speed=1;', 'limit'],
     ['pando_outbound_ca DIR/none.pem;', 'cannot be read'],
     ['pando_outbound_upstream x unix:;', 'path|address'])
{
    my ($line, $why) = @$_;
    $p->configure(http => "$common $line");
    my ($said, $well) = $p->check;
    ok !$well && $said =~ /$why/, "$line is refused" or diag $said;
    $p->expect(qr/is no (?:network|port|limit)|cannot be read|unix/);
}

done_testing;
