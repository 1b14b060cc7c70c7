# What other domains ask, by the wrappers of categories_api.h: in process, over
# an upstream to a peer, and where categories is nowhere.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Trees;

my $t = Trees->new;
my $there = $t->{p};
my $tree = $t->taxonomy;
my $food = $t->category($tree, { en => 'Food', de => 'Essen' });
my $cafe = $t->category($tree, 'Cafe', parent_id => $food->{id});
my $tea = $t->category($tree, 'Tea', parent_id => $cafe->{id});
my $bar = $t->category($tree, 'Bar', parent_id => $food->{id});
my $else = $t->category($t->taxonomy, 'Else');
my $old = $t->category($tree, 'Old');

$t->post("/categories/$food->{id}/attributes", { key => 'seats', name => 'Seats',
    kind => 'integer', rules => { min => 1 } });
$t->put("/categories/$_->[0]{id}/mappings", { data => [ { scheme => 'osm',
    code => 'amenity=cafe', weight => $_->[1] } ] }) for [ $cafe, 0.5 ], [ $tea, 0.9 ];
$t->post("/categories/$old->{id}/merge", { into_id => $bar->{id} });

my $both = Pando->new(domains => [ 'filer', 'categories' ]);
my $here = Pando->new(domains => ['filer'],
    http => "pando_peer categories unix:DIR/peers.sock;
             upstream categories { server 127.0.0.1:$there->{port}; keepalive 4; }
             server { listen unix:DIR/peers.sock;
                      location /pando/calls { proxy_pass http://categories;
                          proxy_http_version 1.1; proxy_set_header Connection ''; } }");
my $alone = Pando->new(domains => ['filer']);

$there->stop;
$there->configure(server => "pando_tenant $Pando::Token::TENANT;
    location /pando/calls { pando_calls; }");
$there->start;


for my $how ([ 'in process', $both ], [ 'a peer', $here ]) {
    my ($name, $p) = @$how;
    my $ask = sub {
        my ($call, %in) = @_;
        my $r = $p->post("/api/v1/filer/$call", \%in, token => {});

        diag $r->{raw} if $r->{status} != 200;
        return $r->json;
    };

    my $j = $ask->(resolve => ids => [ map { $_->{id} } $tea, $food, $else,
                                       { id => $Trees::NOBODY } ], locale => 'de');
    is_deeply { map { $_->{name} => "$_->{top} $_->{depth} $_->{slug}" } @{ $j->{answer} } },
        { Tea => 'Essen 3 tea', Essen => 'Essen 1 food', Else => 'Else 1 else' },
        "$name: resolve, without what is not there";

    is_deeply $ask->(descendants => id => $food->{id}),
        { rc => 0, answer => [ map { $_->{id} } $food, $cafe, $tea, $bar ] },
        "$name: descendants, parents first";
    is $ask->(descendants => id => $Trees::NOBODY)->{rc}, 1, "$name: of none";

    $j = $ask->(attributes => id => $tea->{id});
    is "$j->{rc} $j->{answer}[0]{key}", '0 seats', "$name: attributes";
    is $ask->(attributes => id => $Trees::NOBODY)->{rc}, 1;

    $j = $ask->(validate => id => $tea->{id}, values => { seats => 3 });
    is "$j->{answer}{verdict} $j->{answer}{values}{seats}", 'fits 3', "$name: validate";
    is $ask->(validate => id => $tea->{id}, values => { seats => 0 })->{answer}{verdict},
        'fits_not';
    $j = $ask->(validate => id => $old->{id}, values => {});
    is "$j->{answer}{verdict} $j->{answer}{replaced_by}", "category_deprecated $bar->{id}",
        "$name: what is deprecated names its replacement";

    is_deeply $ask->(map => scheme => 'osm', code => 'amenity=cafe')->{answer},
        [ $tea->{id}, $cafe->{id} ], "$name: map, the heaviest first";
    is $ask->(map => scheme => 'osm', code => 'nothing')->{rc}, 1;

    is_deeply $ask->(distance => id => $tea->{id}, other => $bar->{id}),
        { rc => 0, answer => 3 }, "$name: distance";
    is $ask->(distance => id => $tea->{id}, other => $else->{id})->{rc}, 2,
        "$name: of two trees";
    is $ask->(distance => id => $tea->{id}, other => $Trees::NOBODY)->{rc}, 1;

    is $p->post('/api/v1/filer/descendants', { id => $food->{id} },
                token => { tid => $Pando::Token::OTHER })->json->{rc}, 1,
        "$name: nothing of another tenant";
}

is $alone->post('/api/v1/filer/descendants', { id => $food->{id} }, token => {})->json->{rc}, -1,
    'absent where it is nowhere';

done_testing;
