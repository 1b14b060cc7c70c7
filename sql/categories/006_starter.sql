-- Categories: the places that a fresh install knows, for a tenant to begin with.
--
-- A line is dots for its depth, the name, its key in OpenStreetMap and its type
-- of schema.org.  A tenant that has a taxonomy is left alone.

-- small: a line for each category below
CREATE TABLE categories.starter (
    n           int NOT NULL,
    depth       int NOT NULL,
    name        text NOT NULL,
    osm         text NOT NULL,
    schema_org  text NOT NULL,

    CONSTRAINT starter_pkey PRIMARY KEY (n)
);

INSERT INTO categories.starter (n, depth, name, osm, schema_org)
SELECT l.n, length(p[1]) + 1, p[2], p[3], p[4]
  FROM regexp_split_to_table($places$
Food and drink||FoodEstablishment
.Restaurants|amenity=restaurant|Restaurant
..African restaurant|cuisine=african|Restaurant
..American restaurant|cuisine=american|Restaurant
..Argentinian restaurant|cuisine=argentinian|Restaurant
..Asian restaurant|cuisine=asian|Restaurant
..Balkan restaurant|cuisine=balkan|Restaurant
..Barbecue restaurant|cuisine=barbecue|Restaurant
..Brazilian restaurant|cuisine=brazilian|Restaurant
..Breakfast restaurant|cuisine=breakfast|Restaurant
..Buffet restaurant|cuisine=buffet|Restaurant
..Caribbean restaurant|cuisine=caribbean|Restaurant
..Chinese restaurant|cuisine=chinese|Restaurant
..Ethiopian restaurant|cuisine=ethiopian|Restaurant
..French restaurant|cuisine=french|Restaurant
..Georgian restaurant|cuisine=georgian|Restaurant
..German restaurant|cuisine=german|Restaurant
..Greek restaurant|cuisine=greek|Restaurant
..Indian restaurant|cuisine=indian|Restaurant
..Indonesian restaurant|cuisine=indonesian|Restaurant
..Italian restaurant|cuisine=italian|Restaurant
..Japanese restaurant|cuisine=japanese|Restaurant
..Korean restaurant|cuisine=korean|Restaurant
..Lebanese restaurant|cuisine=lebanese|Restaurant
..Mediterranean restaurant|cuisine=mediterranean|Restaurant
..Mexican restaurant|cuisine=mexican|Restaurant
..Moroccan restaurant|cuisine=moroccan|Restaurant
..Noodle restaurant|cuisine=noodle|Restaurant
..Peruvian restaurant|cuisine=peruvian|Restaurant
..Pizzeria|cuisine=pizza|Restaurant
..Polish restaurant|cuisine=polish|Restaurant
..Portuguese restaurant|cuisine=portuguese|Restaurant
..Regional restaurant|cuisine=regional|Restaurant
..Russian restaurant|cuisine=russian|Restaurant
..Seafood restaurant|cuisine=seafood|Restaurant
..Spanish restaurant|cuisine=spanish|Restaurant
..Steakhouse|cuisine=steak_house|Restaurant
..Sushi restaurant|cuisine=sushi|Restaurant
..Tapas restaurant|cuisine=tapas|Restaurant
..Thai restaurant|cuisine=thai|Restaurant
..Turkish restaurant|cuisine=turkish|Restaurant
..Ukrainian restaurant|cuisine=ukrainian|Restaurant
..Vegan restaurant|diet:vegan=only|Restaurant
..Vegetarian restaurant|diet:vegetarian=only|Restaurant
..Vietnamese restaurant|cuisine=vietnamese|Restaurant
.Fast food|amenity=fast_food|FastFoodRestaurant
..Burger bar|cuisine=burger|FastFoodRestaurant
..Fish and chips|cuisine=fish_and_chips|FastFoodRestaurant
..Fried chicken|cuisine=chicken|FastFoodRestaurant
..Hot dog stand|cuisine=hot_dog|FastFoodRestaurant
..Kebab shop|cuisine=kebab|FastFoodRestaurant
..Sandwich shop|cuisine=sandwich|FastFoodRestaurant
..Taco stand|cuisine=tacos|FastFoodRestaurant
.Food court|amenity=food_court|FoodEstablishment
.Cafes|amenity=cafe|CafeOrCoffeeShop
..Coffee shop|cuisine=coffee_shop|CafeOrCoffeeShop
..Tea house|cuisine=tea|CafeOrCoffeeShop
..Internet cafe|amenity=internet_cafe|CafeOrCoffeeShop
..Bubble tea shop|cuisine=bubble_tea|CafeOrCoffeeShop
.Sweets|shop=confectionery|FoodEstablishment
..Ice cream parlor|amenity=ice_cream|IceCreamShop
..Pastry shop|shop=pastry|Bakery
..Chocolate shop|shop=chocolate|Store
..Crepe stand|cuisine=crepe|FoodEstablishment
..Donut shop|cuisine=donut|Bakery
.Bars|amenity=bar|BarOrPub
..Beer garden|amenity=biergarten|BarOrPub
..Cocktail bar|cocktails=yes|BarOrPub
..Juice bar|cuisine=juice|FoodEstablishment
..Karaoke bar|amenity=karaoke_box|BarOrPub
..Pub|amenity=pub|BarOrPub
..Sports bar|sport=multi|BarOrPub
..Wine bar|cuisine=wine|BarOrPub
.Producers||FoodEstablishment
..Brewery|craft=brewery|Brewery
..Distillery|craft=distillery|Distillery
..Winery|craft=winery|Winery
Places to stay|tourism=accommodation|LodgingBusiness
.Hotel|tourism=hotel|Hotel
.Motel|tourism=motel|Motel
.Hostel|tourism=hostel|Hostel
.Guest house|tourism=guest_house|BedAndBreakfast
.Bed and breakfast|guest_house=bed_and_breakfast|BedAndBreakfast
.Holiday apartment|tourism=apartment|Accommodation
.Chalet|tourism=chalet|House
.Resort|leisure=resort|Resort
.Campsite|tourism=camp_site|Campground
.Caravan site|tourism=caravan_site|RVPark
.Mountain hut|tourism=alpine_hut|LodgingBusiness
.Wilderness hut|tourism=wilderness_hut|LodgingBusiness
.Capsule hotel|hotel=capsule|Hotel
Shops|shop=yes|Store
.Food shops|shop=food|GroceryStore
..Bakery|shop=bakery|Bakery
..Beverage shop|shop=beverages|Store
..Butcher|shop=butcher|Store
..Cheese shop|shop=cheese|Store
..Coffee roaster|shop=coffee|Store
..Convenience store|shop=convenience|ConvenienceStore
..Delicatessen|shop=deli|Store
..Farm shop|shop=farm|Store
..Fishmonger|shop=seafood|Store
..Greengrocer|shop=greengrocer|GroceryStore
..Health food shop|shop=health_food|Store
..Liquor store|shop=alcohol|LiquorStore
..Organic shop|organic=only|GroceryStore
..Spice shop|shop=spices|Store
..Supermarket|shop=supermarket|GroceryStore
..Tea shop|shop=tea|Store
..Wine shop|shop=wine|LiquorStore
.Clothing and shoes|shop=clothes|ClothingStore
..Boutique|shop=boutique|ClothingStore
..Bags and leather|shop=bag|Store
..Bridal shop|clothes=wedding|ClothingStore
..Children's clothing|clothes=children|ClothingStore
..Fabric shop|shop=fabric|Store
..Fashion accessories|shop=fashion_accessories|ClothingStore
..Hat shop|clothes=hats|ClothingStore
..Jewelry store|shop=jewelry|JewelryStore
..Lingerie shop|clothes=underwear|ClothingStore
..Men's clothing|clothes=men|MensClothingStore
..Second-hand shop|shop=second_hand|Store
..Shoe store|shop=shoes|ShoeStore
..Tailor|shop=tailor|ClothingStore
..Watch shop|shop=watches|Store
..Women's clothing|clothes=women|ClothingStore
.Home and garden|shop=houseware|HomeGoodsStore
..Antique shop|shop=antiques|Store
..Bathroom shop|shop=bathroom_furnishing|HomeGoodsStore
..Bed shop|shop=bed|HomeGoodsStore
..Carpet shop|shop=carpet|HomeGoodsStore
..Curtain shop|shop=curtain|HomeGoodsStore
..Flooring shop|shop=flooring|HomeGoodsStore
..Florist|shop=florist|Florist
..Furniture store|shop=furniture|FurnitureStore
..Garden center|shop=garden_centre|GardenStore
..Hardware store|shop=hardware|HardwareStore
..Do-it-yourself store|shop=doityourself|HardwareStore
..Interior decoration|shop=interior_decoration|HomeGoodsStore
..Kitchen shop|shop=kitchen|HomeGoodsStore
..Lighting shop|shop=lighting|HomeGoodsStore
..Paint shop|shop=paint|HardwareStore
..Tile shop|shop=tiles|HomeGoodsStore
.Electronics|shop=electronics|ElectronicsStore
..Camera shop|shop=camera|ElectronicsStore
..Computer store|shop=computer|ComputerStore
..Household appliances|shop=appliance|ElectronicsStore
..Mobile phone shop|shop=mobile_phone|MobilePhoneStore
..Music equipment|shop=hifi|ElectronicsStore
..Video game shop|shop=video_games|Store
.Leisure shops||Store
..Art supplies|shop=art|Store
..Bicycle shop|shop=bicycle|BikeStore
..Book shop|shop=books|BookStore
..Comic shop|shop=comics|BookStore
..Fishing shop|shop=fishing|SportingGoodsStore
..Game shop|shop=games|HobbyShop
..Hobby shop|shop=hobby|HobbyShop
..Hunting shop|shop=hunting|SportingGoodsStore
..Model shop|shop=model|HobbyShop
..Music shop|shop=music|MusicStore
..Musical instruments|shop=musical_instrument|MusicStore
..Outdoor shop|shop=outdoor|OutdoorStore
..Party supplies|shop=party|Store
..Sports shop|shop=sports|SportingGoodsStore
..Stationery shop|shop=stationery|OfficeEquipmentStore
..Toy shop|shop=toys|ToyStore
.Beauty and health shops||Store
..Cosmetics shop|shop=cosmetics|Store
..Drugstore|shop=chemist|Store
..Hearing aids|shop=hearing_aids|Store
..Herbalist|shop=herbalist|Store
..Medical supplies|shop=medical_supply|Store
..Nutrition supplements|shop=nutrition_supplements|Store
..Optician|shop=optician|Optician
..Perfumery|shop=perfumery|Store
.Other shops||Store
..Charity shop|shop=charity|Store
..Department store|shop=department_store|DepartmentStore
..Gift shop|shop=gift|Store
..Kiosk|shop=kiosk|ConvenienceStore
..Market|amenity=marketplace|ShoppingCenter
..Newsagent|shop=newsagent|Store
..Pawnbroker|shop=pawnbroker|PawnShop
..Pet shop|shop=pet|PetStore
..Shopping center|shop=mall|ShoppingCenter
..Tobacco shop|shop=tobacco|Store
..Vape shop|shop=e-cigarette|Store
..Variety store|shop=variety_store|Store
..Wholesale store|shop=wholesale|WholesaleStore
Beauty and wellness||HealthAndBeautyBusiness
.Barber|hairdresser=barber|HairSalon
.Beauty salon|shop=beauty|BeautySalon
.Hairdresser|shop=hairdresser|HairSalon
.Massage|shop=massage|HealthAndBeautyBusiness
.Nail salon|beauty=nails|NailSalon
.Piercing studio|shop=piercing|HealthAndBeautyBusiness
.Sauna|leisure=sauna|HealthAndBeautyBusiness
.Solarium|leisure=tanning_salon|HealthAndBeautyBusiness
.Spa|leisure=spa|DaySpa
.Tattoo studio|shop=tattoo|TattooParlor
.Thermal bath|amenity=public_bath|HealthAndBeautyBusiness
Health|healthcare=yes|MedicalBusiness
.Hospital|amenity=hospital|Hospital
.Clinic|amenity=clinic|MedicalClinic
.Doctors|amenity=doctors|Physician
..General practitioner|healthcare:speciality=general|Physician
..Cardiologist|healthcare:speciality=cardiology|Physician
..Dermatologist|healthcare:speciality=dermatology|Physician
..Ear, nose and throat doctor|healthcare:speciality=otolaryngology|Physician
..Eye doctor|healthcare:speciality=ophthalmology|Physician
..Gynecologist|healthcare:speciality=gynaecology|Physician
..Internist|healthcare:speciality=internal|Physician
..Neurologist|healthcare:speciality=neurology|Physician
..Orthopedist|healthcare:speciality=orthopaedics|Physician
..Pediatrician|healthcare:speciality=paediatrics|Physician
..Psychiatrist|healthcare:speciality=psychiatry|Physician
..Urologist|healthcare:speciality=urology|Physician
.Dentist|amenity=dentist|Dentist
.Pharmacy|amenity=pharmacy|Pharmacy
.Physiotherapist|healthcare=physiotherapist|MedicalBusiness
.Psychotherapist|healthcare=psychotherapist|MedicalBusiness
.Midwife|healthcare=midwife|MedicalBusiness
.Alternative medicine|healthcare=alternative|MedicalBusiness
.Medical laboratory|healthcare=laboratory|DiagnosticLab
.Blood donation|healthcare=blood_donation|MedicalBusiness
.Nursing home|social_facility=nursing_home|MedicalBusiness
.Rehabilitation|healthcare=rehabilitation|MedicalBusiness
.Veterinarian|amenity=veterinary|VeterinaryCare
Sights and culture|tourism=attraction|TouristAttraction
.Museums|tourism=museum|Museum
..Art museum|museum=art|Museum
..History museum|museum=history|Museum
..Local museum|museum=local|Museum
..Nature museum|museum=nature|Museum
..Science museum|museum=science|Museum
..Technology museum|museum=technology|Museum
..Transport museum|museum=transport|Museum
.Gallery|tourism=gallery|ArtGallery
.Artwork|tourism=artwork|Sculpture
.Archaeological site|historic=archaeological_site|LandmarksOrHistoricalBuildings
.Bridge|man_made=bridge|TouristAttraction
.Castle|historic=castle|LandmarksOrHistoricalBuildings
.City gate|historic=city_gate|LandmarksOrHistoricalBuildings
.Fort|historic=fort|LandmarksOrHistoricalBuildings
.Fountain|amenity=fountain|TouristAttraction
.Lighthouse|man_made=lighthouse|LandmarksOrHistoricalBuildings
.Manor|historic=manor|LandmarksOrHistoricalBuildings
.Memorial|historic=memorial|LandmarksOrHistoricalBuildings
.Monument|historic=monument|LandmarksOrHistoricalBuildings
.Observation tower|tower:type=observation|TouristAttraction
.Ruins|historic=ruins|LandmarksOrHistoricalBuildings
.Viewpoint|tourism=viewpoint|TouristAttraction
.Windmill|man_made=windmill|LandmarksOrHistoricalBuildings
.Aquarium|tourism=aquarium|Aquarium
.Zoo|tourism=zoo|Zoo
.Botanical garden|garden:type=botanical|Park
.Theme park|tourism=theme_park|AmusementPark
.Planetarium|amenity=planetarium|TouristAttraction
.Tourist information|tourism=information|TouristInformationCenter
Entertainment||EntertainmentBusiness
.Cinema|amenity=cinema|MovieTheater
.Theater|amenity=theatre|PerformingArtsTheater
.Opera house|theatre:genre=opera|PerformingArtsTheater
.Concert hall|theatre:type=concert_hall|MusicVenue
.Music venue|amenity=music_venue|MusicVenue
.Comedy club|theatre:genre=comedy|ComedyClub
.Night club|amenity=nightclub|NightClub
.Dance hall|leisure=dance|EntertainmentBusiness
.Casino|amenity=casino|Casino
.Amusement arcade|leisure=amusement_arcade|EntertainmentBusiness
.Escape room|leisure=escape_game|EntertainmentBusiness
.Bowling alley|leisure=bowling_alley|BowlingAlley
.Billiards hall|sport=billiards|EntertainmentBusiness
.Laser tag|sport=laser_tag|EntertainmentBusiness
.Trampoline park|leisure=trampoline_park|EntertainmentBusiness
.Event venue|amenity=events_venue|EventVenue
.Community center|amenity=community_centre|CivicStructure
.Arts center|amenity=arts_centre|EventVenue
.Circus|amenity=circus|EntertainmentBusiness
.Social club|amenity=social_centre|EntertainmentBusiness
Sports||SportsActivityLocation
.Gym|leisure=fitness_centre|ExerciseGym
.Sports center|leisure=sports_centre|SportsActivityLocation
.Stadium|leisure=stadium|StadiumOrArena
.Swimming pool|leisure=swimming_pool|PublicSwimmingPool
.Water park|leisure=water_park|AmusementPark
.Ice rink|leisure=ice_rink|SportsActivityLocation
.Golf course|leisure=golf_course|GolfCourse
.Miniature golf|leisure=miniature_golf|SportsActivityLocation
.Tennis courts|sport=tennis|TennisComplex
.Squash courts|sport=squash|SportsActivityLocation
.Badminton courts|sport=badminton|SportsActivityLocation
.Football pitch|sport=soccer|SportsActivityLocation
.Basketball court|sport=basketball|SportsActivityLocation
.Beach volleyball|sport=beachvolleyball|SportsActivityLocation
.Climbing hall|sport=climbing|SportsActivityLocation
.Boxing gym|sport=boxing|ExerciseGym
.Martial arts school|amenity=dojo|SportsClub
.Yoga studio|sport=yoga|ExerciseGym
.Pilates studio|sport=pilates|ExerciseGym
.Riding stable|leisure=horse_riding|SportsActivityLocation
.Skate park|sport=skateboard|SportsActivityLocation
.Ski resort|landuse=winter_sports|SkiResort
.Shooting range|sport=shooting|SportsActivityLocation
.Go-kart track|sport=karting|SportsActivityLocation
.Diving center|sport=scuba_diving|SportsActivityLocation
.Surf school|sport=surfing|SportsActivityLocation
.Rowing club|sport=rowing|SportsClub
.Sports club|club=sport|SportsClub
Nature and parks||Park
.Park|leisure=park|Park
.Garden|leisure=garden|Park
.Playground|leisure=playground|Playground
.Dog park|leisure=dog_park|Park
.Nature reserve|leisure=nature_reserve|Park
.National park|boundary=national_park|Park
.Beach|natural=beach|Beach
.Cave|natural=cave_entrance|TouristAttraction
.Forest|landuse=forest|Landform
.Hot spring|natural=hot_spring|BodyOfWater
.Lake|water=lake|LakeBodyOfWater
.Mountain|natural=peak|Mountain
.Picnic area|tourism=picnic_site|Park
.River|waterway=river|RiverBodyOfWater
.Spring|natural=spring|BodyOfWater
.Waterfall|waterway=waterfall|Waterfall
.Wildlife hide|leisure=bird_hide|TouristAttraction
.Marina|leisure=marina|CivicStructure
Transport||CivicStructure
.Airport|aeroway=aerodrome|Airport
.Train station|railway=station|TrainStation
.Subway station|station=subway|SubwayStation
.Tram stop|railway=tram_stop|CivicStructure
.Bus station|amenity=bus_station|BusStation
.Bus stop|highway=bus_stop|BusStop
.Ferry terminal|amenity=ferry_terminal|BoatTerminal
.Taxi stand|amenity=taxi|TaxiStand
.Car park|amenity=parking|ParkingFacility
.Bicycle parking|amenity=bicycle_parking|ParkingFacility
.Fuel station|amenity=fuel|GasStation
.Charging station|amenity=charging_station|AutomotiveBusiness
.Car rental|amenity=car_rental|AutoRental
.Car sharing|amenity=car_sharing|AutoRental
.Bicycle rental|amenity=bicycle_rental|LocalBusiness
.Boat rental|amenity=boat_rental|LocalBusiness
.Cable car|aerialway=cable_car|CivicStructure
.Rest area|highway=rest_area|CivicStructure
Vehicles||AutomotiveBusiness
.Car dealer|shop=car|AutoDealer
.Car repair|shop=car_repair|AutoRepair
.Car parts|shop=car_parts|AutoPartsStore
.Car wash|amenity=car_wash|AutoWash
.Tyre shop|shop=tyres|TireShop
.Motorcycle dealer|shop=motorcycle|MotorcycleDealer
.Motorcycle repair|shop=motorcycle_repair|MotorcycleRepair
.Bicycle repair|service:bicycle:repair=yes|LocalBusiness
.Boat dealer|shop=boat|LocalBusiness
.Caravan dealer|shop=caravan|AutoDealer
.Driving school|amenity=driving_school|EducationalOrganization
.Vehicle inspection|amenity=vehicle_inspection|AutomotiveBusiness
Services||ProfessionalService
.Bank|amenity=bank|BankOrCreditUnion
.Cash machine|amenity=atm|AutomatedTeller
.Currency exchange|amenity=bureau_de_change|FinancialService
.Accountant|office=accountant|AccountingService
.Tax advisor|office=tax_advisor|AccountingService
.Financial advisor|office=financial_advisor|FinancialService
.Insurance office|office=insurance|InsuranceAgency
.Lawyer|office=lawyer|Attorney
.Notary|office=notary|Notary
.Estate agent|office=estate_agent|RealEstateAgent
.Property management|office=property_management|ProfessionalService
.Architect|office=architect|ProfessionalService
.Engineering office|office=engineer|ProfessionalService
.Advertising agency|office=advertising_agency|ProfessionalService
.Design studio|office=graphic_design|ProfessionalService
.Software company|office=it|ProfessionalService
.Employment agency|office=employment_agency|EmploymentAgency
.Translation office|office=translator|ProfessionalService
.Coworking space|amenity=coworking_space|ProfessionalService
.Photographer|craft=photographer|ProfessionalService
.Print shop|shop=copyshop|ProfessionalService
.Travel agency|shop=travel_agency|TravelAgency
.Post office|amenity=post_office|PostOffice
.Courier|office=courier|ProfessionalService
.Laundry|shop=laundry|DryCleaningOrLaundry
.Dry cleaner|shop=dry_cleaning|DryCleaningOrLaundry
.Locksmith|shop=locksmith|Locksmith
.Shoe repair|craft=shoemaker|LocalBusiness
.Watch repair|craft=watchmaker|LocalBusiness
.Phone repair|service:repair=phone|LocalBusiness
.Storage rental|shop=storage_rental|SelfStorage
.Moving company|office=moving_company|MovingCompany
.Funeral home|shop=funeral_directors|LocalBusiness
.Pet grooming|shop=pet_grooming|LocalBusiness
.Pet boarding|amenity=animal_boarding|LocalBusiness
.Wedding planner|office=wedding_planner|LocalBusiness
.Catering|craft=caterer|FoodService
.Tool rental|shop=tool_hire|LocalBusiness
Crafts|craft=yes|HomeAndConstructionBusiness
.Builder|craft=builder|GeneralContractor
.Carpenter|craft=carpenter|HomeAndConstructionBusiness
.Cleaning service|craft=cleaning|HomeAndConstructionBusiness
.Electrician|craft=electrician|Electrician
.Floor layer|craft=floorer|HomeAndConstructionBusiness
.Gardener|craft=gardener|HomeAndConstructionBusiness
.Glazier|craft=glaziery|HomeAndConstructionBusiness
.Heating engineer|craft=hvac|HVACBusiness
.Metal worker|craft=metal_construction|HomeAndConstructionBusiness
.Painter|craft=painter|HousePainter
.Plumber|craft=plumber|Plumber
.Potter|craft=pottery|LocalBusiness
.Roofer|craft=roofer|RoofingContractor
.Stonemason|craft=stonemason|HomeAndConstructionBusiness
.Tiler|craft=tiler|HomeAndConstructionBusiness
.Upholsterer|craft=upholsterer|HomeAndConstructionBusiness
Education||EducationalOrganization
.Kindergarten|amenity=kindergarten|Preschool
.School|amenity=school|School
.College|amenity=college|CollegeOrUniversity
.University|amenity=university|CollegeOrUniversity
.Language school|amenity=language_school|EducationalOrganization
.Music school|amenity=music_school|EducationalOrganization
.Dance school|amenity=dancing_school|EducationalOrganization
.Cooking school|amenity=cooking_school|EducationalOrganization
.Training center|amenity=training|EducationalOrganization
.Library|amenity=library|Library
.Research institute|amenity=research_institute|ResearchOrganization
.Tutoring|office=tutoring|EducationalOrganization
Public services||GovernmentOffice
.Town hall|amenity=townhall|CityHall
.Courthouse|amenity=courthouse|Courthouse
.Embassy|office=diplomatic|Embassy
.Fire station|amenity=fire_station|FireStation
.Police|amenity=police|PoliceStation
.Government office|office=government|GovernmentOffice
.Recycling center|recycling_type=centre|RecyclingCenter
.Public toilet|amenity=toilets|PublicToilet
.Drinking water|amenity=drinking_water|CivicStructure
.Cemetery|landuse=cemetery|Cemetery
.Social services|amenity=social_facility|GovernmentOffice
.Animal shelter|amenity=animal_shelter|AnimalShelter
Religion|amenity=place_of_worship|PlaceOfWorship
.Buddhist temple|religion=buddhist|BuddhistTemple
.Church|religion=christian|Church
.Hindu temple|religion=hindu|HinduTemple
.Mosque|religion=muslim|Mosque
.Sikh temple|religion=sikh|PlaceOfWorship
.Synagogue|religion=jewish|Synagogue
.Monastery|amenity=monastery|PlaceOfWorship
$places$, '\n') WITH ORDINALITY AS l (line, n)
 CROSS JOIN LATERAL regexp_match(l.line,
                                 '^(\.*)([^|]+)\|([^|]*)\|([^|]*)$') AS p
 WHERE p IS NOT NULL;


-- Gives a tenant the taxonomy "places"; how many categories, 0 where it has
-- one already.
CREATE FUNCTION categories.plant(tenant uuid) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    tree     uuid;
    id       uuid;
    above    uuid[] := '{}';
    line     categories.starter;
    planted  int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('categories'),
                                  hashtext(tenant::text));

    IF EXISTS (SELECT FROM categories.taxonomies AS t
                WHERE t.tenant_id = tenant)
    THEN
        RETURN 0;
    END IF;

    INSERT INTO categories.taxonomies (tenant_id, key, name, subject)
    VALUES (tenant, 'places', '{"en": "Places"}', 'place')
    RETURNING taxonomies.id INTO tree;

    FOR line IN SELECT * FROM categories.starter ORDER BY n LOOP
        INSERT INTO categories.categories AS c
               (tenant_id, taxonomy_id, parent_id, slug, position)
        VALUES (tenant, tree, above[line.depth - 1],
                categories.slug_free(tenant, tree, true,
                    categories.slug_of(to_jsonb(line.name))),
                lpad(categories.label(line.n * 36), 8, '0') || 'i')
        RETURNING c.id INTO id;

        above[line.depth] := id;
        planted := planted + 1;
        PERFORM categories.say(tenant, id, true, to_jsonb(line.name), NULL,
                               NULL, false);
        PERFORM categories.set_slugs(tenant, id, NULL, false);

        INSERT INTO categories.category_mappings
               (category_id, tenant_id, scheme, code, direction)
        SELECT id, tenant, m.scheme, m.code, m.direction
          FROM (VALUES ('osm', line.osm, 'both'),
                       ('schema_org', line.schema_org, 'out'))
               AS m (scheme, code, direction)
         WHERE m.code <> '';
    END LOOP;

    RETURN planted;
END $$;

-- A new tenant begins with it.
CREATE OR REPLACE FUNCTION categories.hear(tenant uuid, type text,
    subject uuid, data jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kind    text := split_part(type, '.', 1);
    listed  boolean := type IN ('place.published', 'place.updated',
                                'business.updated', 'event.published',
                                'content.published')
                       AND coalesce(data ->> 'status', 'published') IN
                           ('published', 'temporarily_closed', 'active');
    wanted  uuid[] := '{}';
BEGIN
    IF type = 'tenant.created' THEN
        PERFORM categories.plant(tenant);
        RETURN;
    END IF;

    IF listed THEN
        wanted := ARRAY(SELECT DISTINCT e::uuid FROM jsonb_array_elements_text(
                   coalesce(data -> 'category_ids', '[]')) AS e);
    END IF;

    IF categories.file(tenant, kind, subject, wanted,
                       (data ->> 'primary_category_id')::uuid,
                       coalesce((data ->> 'version')::bigint, 1))
       AND jsonb_typeof(data -> 'attributes') = 'object'
    THEN
        PERFORM categories.mark_used(wanted, data -> 'attributes');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION categories.follow(batch int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    place  pando.readers;
    e      record;
    n      int := 0;
BEGIN
    SELECT * INTO place FROM pando.readers
     WHERE name = 'categories' FOR UPDATE SKIP LOCKED;

    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    FOR e IN
        SELECT o.* FROM pando.outbox AS o
         WHERE (o.xid, o.seq) > (place.xid, place.seq)
           AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
         ORDER BY o.xid, o.seq LIMIT batch
    LOOP
        n := n + 1;
        place.xid := e.xid;
        place.seq := e.seq;

        IF e.type IN ('place.published', 'place.updated', 'place.closed',
            'place.hidden', 'place.deleted', 'place.merged',
            'business.updated', 'business.closed', 'event.published',
            'event.canceled', 'content.published', 'content.unpublished',
            'tenant.created')
           AND coalesce(e.tenant_id, e.subject) IS NOT NULL
           AND e.subject IS NOT NULL
        THEN
            BEGIN
                PERFORM categories.hear(coalesce(e.tenant_id, e.subject),
                                        e.type, e.subject, e.data);
            EXCEPTION WHEN data_exception OR integrity_constraint_violation
            THEN
                INSERT INTO categories.refused_events
                       (id, tenant_id, type, why)
                VALUES (e.id, e.tenant_id, e.type, sqlerrm)
                ON CONFLICT ON CONSTRAINT refused_events_pkey DO NOTHING;
            END;
        END IF;
    END LOOP;

    IF n > 0 THEN
        UPDATE pando.readers
           SET xid = place.xid, seq = place.seq, moved_at = now()
         WHERE name = 'categories';
    END IF;

    RETURN n;
END $$;
